import { basename } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import { MAX_MESSAGES } from './limits.ts';
import { parseMails } from './mail.ts';
import { type SplitFile, splitMessages } from './mbox.ts';
import { readText } from './page.ts';
import { readFiles } from './read.ts';
import type { Content, Mail, RawText, SourceFiles } from './stages.ts';

/** Throws InputError when there are more messages than a thread has. */
function checkCount(count: number, where = ''): void {
  if (count <= MAX_MESSAGES) return;
  const expected = `at most ${MAX_MESSAGES}`;
  throw new InputError({
    what: `${count} messages`,
    where,
    expected,
    fix: 'use the mbox of a single thread',
  });
}

/** A file with its messages; without any it is a page or a patch without mail headers. */
type ReadFile = SplitFile & { file: RawText };

/** What each file that has no messages is, in a folder; one that is no patch is a problem. */
function readTexts(files: readonly ReadFile[], note: (note: Note) => void): Map<RawText, Content> {
  const contents = new Map<RawText, Content>();
  const problems: Problem[] = [];
  for (const { file, messages } of files) {
    if (messages.length > 0) continue;
    try {
      contents.set(file, readText(file, note));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return contents;
}

/**
 * The mails of files. The format of each file is recognised by its content. Throws one InputError with every problem of the mails, and
 * as `readFiles` and `readText`.
 */
export async function readContent(
  source: SourceFiles,
  note: (note: Note) => void,
  signal: AbortSignal,
): Promise<Content> {
  const { origin } = source;
  if (source.mails && origin) return { mails: source.mails, origin };
  const files = (await readFiles(source.files, signal)).map(
    (file): ReadFile => ({ ...splitMessages(file), file }),
  );
  const [first] = files;
  const messages = files.flatMap((file) => file.messages);
  checkCount(messages.length, first?.file.where);
  const texts = readTexts(files, note);
  for (const { file, preamble } of files)
    if (preamble > 0) note({ code: 'series.preamble', subject: file.where, lines: preamble });
  const parsed = parseMails(messages);
  let next = 0;
  const mails = files.flatMap(({ file, messages }): Mail[] => {
    if (messages.length === 0) return texts.get(file)?.mails ?? [];
    next += messages.length;
    return parsed.slice(next - messages.length, next).flat();
  });
  checkCount(mails.length, first?.file.where);
  const alone = files.length === 1 && first ? texts.get(first.file) : undefined;
  const kind = first?.isMbox ? 'mbox' : 'patch';
  return {
    mails,
    ...(alone?.title ? { title: alone.title } : {}),
    origin: origin ?? alone?.origin ?? { kind, detail: basename(first?.file.where ?? '') },
  };
}
