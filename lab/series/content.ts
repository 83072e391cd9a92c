import { basename } from 'node:path';
import type { StageContext } from '../model/event.ts';
import { parseMails } from './mail.ts';
import { splitMessages } from './mbox.ts';
import { readText } from './page.ts';
import { readFiles } from './read.ts';
import type { Content, SourceFiles } from './stages.ts';

/**
 * The mails of files. The format of a file that the user named is recognised by its content; of files with an `origin` each is one
 * patch mail. Throws one InputError with every problem of the mails, and as `readFiles` and `readText`.
 */
export async function readContent({ files, origin }: SourceFiles, ctx: StageContext): Promise<Content> {
  const texts = await readFiles(files);
  const split = texts.map(splitMessages);
  const messages = origin
    ? texts.map((text, index) => split[index]?.messages[0] ?? text)
    : split.flatMap((file) => file.messages);
  const [text] = texts;
  if (text && messages.length === 0) return readText(text, ctx);
  const kind = split[0]?.isMbox ? 'mbox' : 'patch';
  return {
    mails: await parseMails(messages),
    origin: origin ?? { kind, detail: basename(text?.where ?? '') },
  };
}
