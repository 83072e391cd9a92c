import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Test } from 'tap';
import { importSeries } from '../index.ts';
import { mail } from './arbitrary-mail.ts';
import { cleanMessage, type GitPatch, gitPatches } from './git-mail.ts';

const PER_MBOX = 10;

const ctx = { signal: new AbortController().signal, emit: () => {} };

/** The series of a folder in the fields that git gives. */
async function ours(path: string): Promise<GitPatch[]> {
  const { patches } = await importSeries(path, {}, ctx);
  return patches.map(({ subject, author, body, diff }) => ({
    ...{ subject, name: author.name, email: author.email, body: cleanMessage(body), diff },
  }));
}

/** Throws Error with both when a patch differs from that of git. */
function checkPatch(actual: GitPatch | undefined, expected: GitPatch, number: number): void {
  const { diff = '', ...fields } = actual ?? {};
  const { diff: gitDiff, ...gitFields } = expected;
  if (JSON.stringify(fields) !== JSON.stringify(gitFields))
    throw new Error(`patch ${number}:\n${JSON.stringify(fields)}\nof git:\n${JSON.stringify(gitFields)}`);
  // git passes on what follows the diff, which git apply ignores.
  if (diff === '' || !gitDiff.startsWith(diff.trimEnd()))
    throw new Error(`diff ${number}:\n${JSON.stringify(diff)}\nof git:\n${JSON.stringify(gitDiff)}`);
}

/** Compares at least `count` generated mails with git mailsplit and mailinfo. RINGLAB_SEED repeats a run that failed. */
export async function compareWithGit(t: Test, count: number): Promise<void> {
  const seed = Number(process.env.RINGLAB_SEED ?? Date.now() % 2 ** 31);
  t.comment(`RINGLAB_SEED=${seed}`);
  const dir = t.testdir();
  let run = 0;
  let compared = 0;
  const mails = fc.array(mail, { minLength: PER_MBOX, maxLength: PER_MBOX });
  const property = fc.asyncProperty(mails, async (texts) => {
    const folder = join(dir, String(run++));
    const mbox = Buffer.from(texts.join(''));
    const expected = await gitPatches(mbox, folder);
    // A folder, since its patches are taken whatever versions and numbers their subjects have.
    const patches = join(folder, 'ours');
    await mkdir(patches);
    await writeFile(join(patches, '1.patch'), mbox);
    const actual = await ours(patches);
    for (const [index, patch] of expected.entries()) checkPatch(actual[index], patch, index + 1);
    compared += expected.length;
    return actual.length === expected.length && expected.length === PER_MBOX;
  });
  const details = await fc.check(property, { numRuns: Math.ceil(count / PER_MBOX), seed });
  const report = details.failed ? `${details.errorInstance}\n${fc.defaultReportMessage(details)}` : 'none';
  t.notOk(details.failed, `counterexample of seed ${seed}: ${report}`);
  t.ok(details.failed || compared >= count, `number of mails that were compared: ${compared}`);
}
