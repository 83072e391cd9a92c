import { basename } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import { decodeDiff, decodeLoose } from './charset.ts';
import { decodeText } from './decode.ts';
import { findDiff } from './diff-start.ts';
import { fetchHint } from './fetch-hint.ts';
import { unixLines } from './mail-text.ts';
import { readLorePage } from './page-lore.ts';
import { readSinglePage } from './page-single.ts';
import { readTrackerPage } from './page-tracker.ts';
import { readPlainPatches } from './plain-patch.ts';
import type { Content, RawText } from './stages.ts';

/** Archive pages by their name in `Series.origin.detail`. Each reader returns undefined for a text that is no such page. */
const PAGES: Record<string, (text: string, where: string) => Omit<Content, 'origin'> | undefined> = {
  'public-inbox thread': readLorePage,
  'patch tracker': readTrackerPage,
  'archived message': readSinglePage,
};

/** Whether a text is a patch of stgit: a title, a blank line and headers (git am). An archived message has no address in its From line. */
const isStgit = (text: string) =>
  /^\S[^\n]*\n\n(?:(?:From|Author):[^\n]*@|Date:)/.test(text.replace(/^\s*\n/, ''));

/**
 * The mails of a file that is neither a mail nor an mbox: a saved archive page, or a diff with any or no header above it; one without a
 * title is imported with a note. Throws InputError for any other text, and as `decodeText`.
 */
export function readText(file: RawText, note: (note: Note) => void): Content {
  const { bytes, where } = file;
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(bytes.toString('latin1', 0, 1 << 16))) {
    const expected = 'the text of the page';
    throw new InputError({ what: 'it is HTML', where, expected, fix: fetchHint('TITLE') });
  }
  const hasDiff = findDiff(bytes.toString('latin1').split(/\r?\n/)) !== undefined;
  const text = hasDiff ? decodeLoose(bytes).replace(/^\ufeff/, '') : decodeText(file);
  const unixText = text.replace(/\r\n/g, '\n');
  if (!isStgit(unixText)) {
    for (const [detail, read] of Object.entries(PAGES)) {
      const page = read(unixText, where);
      if (page) return { ...page, origin: { kind: 'page', detail } };
    }
  }
  if (!hasDiff) {
    throw new InputError({
      what: 'it is neither a patch nor an mbox nor a page of a supported archive',
      where,
      expected: 'an mbox, a .patch, a folder of patches, BASE..TIP, or the text of a thread page',
      fix: fetchHint('TITLE'),
    });
  }
  const mails = readPlainPatches(unixLines(text), where);
  const garbled = decodeDiff(diffBytes(bytes), '').kind === 'garbled';
  if (mails.some(({ untitled }) => untitled)) note({ code: 'series.bare', subject: where });
  return {
    mails: garbled ? mails.map((mail) => ({ ...mail, garbled: true as const })) : mails,
    origin: { kind: 'patch', detail: basename(where) },
  };
}

/** The bytes from the first header of a diff on: prose above it may be in another character set. */
function diffBytes(bytes: Buffer): Buffer {
  const start = bytes.toString('latin1').search(/^(?:diff -|--- \S)/m);
  return start < 0 ? bytes : bytes.subarray(start);
}
