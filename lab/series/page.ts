import { basename } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import { decodeText } from './decode.ts';
import { findDiff } from './diff-start.ts';
import { fetchHint } from './fetch-hint.ts';
import { readLorePage } from './page-lore.ts';
import { readSinglePage } from './page-single.ts';
import { readTrackerPage } from './page-tracker.ts';
import type { Content, Mail, RawText } from './stages.ts';

/** Archive pages by their name in `Series.origin.detail`. Each reader returns undefined for a text that is no such page. */
const PAGES: Record<string, (text: string, where: string) => Omit<Content, 'origin'> | undefined> = {
  'public-inbox thread': readLorePage,
  'patch tracker': readTrackerPage,
  'archived message': readSinglePage,
};

/** A mail for a diff without one: the file name becomes the subject. */
function bareDiff(text: string, where: string): Mail {
  const subject = basename(where).replace(/\.(?:patch|diff|txt)(?:\.gz)?$/i, '');
  return { subject, from: { name: 'unknown', email: '' }, references: [], text, where };
}

/**
 * The mails of a file that is neither a mail nor an mbox: a saved archive page or a bare diff, which is imported with a note. Throws
 * InputError for any other text, and as `decodeText`.
 */
export function readText(file: RawText, ctx: StageContext): Content {
  const { bytes, where } = file;
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(bytes.toString('latin1', 0, 1 << 16))) {
    const expected = 'the text of the page';
    throw new InputError({ what: 'it is HTML', where, expected, fix: fetchHint('TITLE') });
  }
  const text = decodeText(file);
  const unixText = text.replace(/\r\n/g, '\n');
  for (const [detail, read] of Object.entries(PAGES)) {
    const page = read(unixText, where);
    if (page) return { ...page, origin: { kind: 'page', detail } };
  }
  if (findDiff(unixText.split('\n')) === undefined) {
    throw new InputError({
      what: 'it is neither a patch nor an mbox nor a page of a supported archive',
      where,
      expected: 'an mbox (.gz), a .patch, a folder of patches, BASE..TIP, or the text of a thread page',
      fix: fetchHint('TITLE'),
    });
  }
  ctx.emit({ type: 'note', note: { code: 'series.bare', subject: where } });
  return { mails: [bareDiff(text, where)], origin: { kind: 'patch', detail: basename(where) } };
}
