import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';
import { assemble } from './assemble.ts';
import { fetchHint, noPatchProblem } from './explain.ts';
import { isRange, readRange } from './git-range.ts';
import { seriesFromFolder } from './info.ts';
import { type Kind, kindOf } from './kind.ts';
import { type Mail, parseMail } from './mail.ts';
import { splitMbox } from './mbox.ts';
import { checkName } from './name.ts';
import { readLorePage } from './page-lore.ts';
import { readSinglePage } from './page-single.ts';
import { readTrackerPage } from './page-tracker.ts';
import { decodeText, readSource } from './read.ts';
import { readEntries } from './thread.ts';

export interface ImportOptions {
  /** Version of the posting to take from a thread with several; default the newest. */
  version?: number;
  /** Name of the series; default its title as a slug. */
  name?: string;
  /** Repository of a git range; default the current folder. */
  repo?: string;
}

/** The messages of a file or range. */
interface Content {
  mails: Mail[];
  title?: string;
  origin: Series['origin'];
}

/** Archive pages, as `Series.origin.detail` names them. */
const PAGES: Partial<Record<Kind, string>> = {
  lore: 'public-inbox thread',
  tracker: 'patch tracker',
  single: 'archived message',
};

async function readMails(messages: readonly Buffer[], where: string): Promise<Mail[]> {
  const parsed = await Promise.all(
    messages.map((message, index) =>
      parseMail(message, messages.length > 1 ? `${where}, message ${index + 1}` : where),
    ),
  );
  const problems = parsed.filter((mail): mail is Problem => 'what' in mail);
  if (problems.length > 0) throw new InputError(problems);
  return parsed.filter((mail): mail is Mail => 'text' in mail);
}

/** A mail for a diff without one: the file name becomes the subject. */
function bareDiff(text: string, where: string, ctx: StageContext): Mail {
  const subject = basename(where).replace(/\.(?:patch|diff|txt)(?:\.gz)?$/i, '');
  ctx.emit({ type: 'note', note: { code: 'series.bare', subject: where } });
  return { subject, from: { name: 'unknown', email: '' }, references: [], text, where };
}

async function readContent(path: string, ctx: StageContext): Promise<Content> {
  const bytes = await readSource(path);
  const text = () => decodeText(bytes, path).replace(/\r\n/g, '\n');
  const kind = kindOf(bytes, text);
  const page = PAGES[kind];
  const origin = page
    ? { kind: 'page', detail: page }
    : { kind: kind === 'mbox' ? 'mbox' : 'patch', detail: basename(path) };
  switch (kind) {
    case 'mbox':
      return { mails: await readMails(splitMbox(bytes), path), origin };
    case 'mail':
      return { mails: await readMails([bytes], path), origin };
    case 'lore':
      return { mails: readLorePage(text(), path), origin };
    case 'tracker':
      return { ...readTrackerPage(text(), path), origin };
    case 'single':
      return { mails: [readSinglePage(text(), path)], origin };
    case 'diff':
      return { mails: [bareDiff(decodeText(bytes, path), path, ctx)], origin };
    case 'html':
      throw new InputError({
        what: 'it is HTML',
        where: path,
        expected: 'the text of the page',
        fix: fetchHint('TITLE'),
      });
    default:
      throw new InputError({
        what: 'it is neither a patch nor an mbox nor a page of a supported archive',
        where: path,
        expected: 'an mbox (.gz), a .patch, a folder of patches, BASE..TIP, or the text of a thread page',
        fix: fetchHint('TITLE'),
      });
  }
}

/**
 * Reads a series from an mbox (plain or gzip), a single patch, a folder of patches, a git range `BASE..TIP` or a saved thread
 * page. The format of a file is recognised by its content. Throws one InputError with every problem.
 */
export async function importSeries(
  source: string,
  options: ImportOptions,
  ctx: StageContext,
): Promise<Series> {
  ctx.signal.throwIfAborted();
  if (options.name !== undefined) checkName(options.name);
  const info = await stat(source).catch(() => undefined);
  if (info?.isDirectory()) return (await seriesFromFolder(source, options, ctx)).series;
  const range = !info && isRange(source);
  if (!info && !range) {
    throw new InputError({ what: 'there is no such file, folder or git range', where: source });
  }
  const content: Content = range
    ? {
        mails: await readRange(source, options.repo ?? process.cwd(), ctx),
        origin: { kind: 'git', detail: source },
      }
    : await readContent(source, ctx);
  const entries = readEntries(content.mails);
  if (!entries.some(({ hasDiff, subject }) => hasDiff && !subject.reply)) {
    throw new InputError(noPatchProblem(entries, source));
  }
  const first = entries.find(({ subject }) => subject.number === 0) ?? entries[0];
  const page = content.origin.kind === 'page';
  return assemble(
    {
      ...content,
      ...options,
      entries,
      where: source,
      fix: page ? fetchHint(first?.subject.title ?? '', first?.mail.messageId) : 'fetch or create it again',
    },
    ctx,
  );
}
