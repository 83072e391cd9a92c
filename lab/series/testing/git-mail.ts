import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plainEnv } from '../../core/git-env.ts';
import { run } from '../../core/process.ts';

/** A patch as git mailsplit and git mailinfo give it. */
export interface GitPatch {
  subject: string;
  name: string;
  email: string;
  /** The commit message below the subject, as git stripspace cleans it. */
  body: string;
  /** What git apply gets, from the first header on. */
  diff: string;
}

const clean = (text: string) =>
  `${text
    .replace(/[ \t\r]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;

/** The part of a patch file of git mailinfo that git apply reads. */
function diffOf(patch: string): string {
  const start = patch.search(/^(?:diff --git |--- \S[^\n]*\n\+\+\+ \S[^\n]*\n@@ -)/m);
  return start < 0 ? '' : patch.slice(start);
}

/** The patches that git am would make of an mbox, in a folder of the caller. One shell runs all commands, since a process for each takes longer than git. */
export async function gitPatches(mbox: Buffer, dir: string): Promise<GitPatch[]> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'mbox'), mbox);
  const script =
    'mkdir split && git mailsplit -b --mboxrd -osplit mbox >/dev/null && for f in split/*; do git mailinfo $f.msg $f.patch <$f >$f.info || exit 1; done';
  await run('sh', ['-c', script], { cwd: dir, cleanEnv: true, env: plainEnv() });
  const names = (await readdir(join(dir, 'split'))).filter((name) => /^\d+$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const read = (kind: string) => readFile(join(dir, 'split', `${name}.${kind}`), 'utf8');
      const [info, message, patch] = await Promise.all([read('info'), read('msg'), read('patch')]);
      const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(info)?.[1] ?? '';
      return {
        subject: field('Subject'),
        name: field('Author'),
        email: field('Email'),
        body: clean(message),
        diff: diffOf(patch),
      };
    }),
  );
}

/** A message as git stripspace cleans it. */
export const cleanMessage = clean;
