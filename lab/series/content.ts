import { basename } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import { MAX_MESSAGES } from './limits.ts';
import { parseMails } from './mail.ts';
import { splitMessages } from './mbox.ts';
import { readText } from './page.ts';
import { readFiles } from './read.ts';
import type { Content, SourceFiles } from './stages.ts';

/** Throws InputError when there are more messages than a thread has: each is parsed by itself. */
function checkCount(messages: readonly unknown[], where = ''): void {
  if (messages.length <= MAX_MESSAGES) return;
  const what = `${messages.length} messages`;
  throw new InputError({
    what,
    where,
    expected: `at most ${MAX_MESSAGES}`,
    fix: 'use the mbox of a single thread',
  });
}

/**
 * The mails of files. The format of a file that the user named is recognised by its content; of files with an `origin` each is one
 * patch mail. Throws one InputError with every problem of the mails, and as `readFiles` and `readText`.
 */
export async function readContent({ files, origin }: SourceFiles, ctx: StageContext): Promise<Content> {
  const texts = await readFiles(files);
  const split = texts.map(splitMessages);
  // A git range is one mbox; of a folder each file is one mail, also a bare diff.
  const messages =
    origin && origin.kind !== 'git'
      ? texts.map((text, index) => split[index]?.messages[0] ?? text)
      : split.flatMap((file) => file.messages);
  checkCount(messages, texts[0]?.where);
  const [text] = texts;
  if (text && messages.length === 0) {
    const content = readText(text, ctx);
    checkCount(content.mails, text.where);
    return content;
  }
  const kind = split[0]?.isMbox ? 'mbox' : 'patch';
  return {
    mails: await parseMails(messages),
    origin: origin ?? { kind, detail: basename(text?.where ?? '') },
  };
}
