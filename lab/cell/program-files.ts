import { readFile, stat } from 'node:fs/promises';
import { posix, relative, sep } from 'node:path';
import { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';
import type { ProgramVerdict, Suite } from '../model/suite.ts';
import type { ExitConvention } from '../tap/index.ts';
import { collectFiles, insideSuite, type PayloadFile, pathProblems } from './payload-files.ts';

/** `program.json` of a program's payload: how it is started and how its end is read. */
export const ProgramFile = z.object({
  /** The program below the suite's folder, or its absolute path in the guest. */
  program: z.string(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  /** Convention of the exit code; absent where only TAP counts. */
  convention: z.enum(['kselftest', 'liburing', 'plain']).optional(),
  /** TAP outranks the exit code. */
  tapFirst: z.boolean(),
});
export type ProgramFile = z.infer<typeof ProgramFile>;

/** Reads `program.json` of a payload folder. Throws Error when the payload is damaged. */
export async function readProgram(folder: string): Promise<ProgramFile> {
  return ProgramFile.parse(JSON.parse(await readFile(`${folder}/program.json`, 'utf8')));
}

/** The convention by which an exit code is read; undefined where only TAP counts. */
export function conventionOf(verdict: ProgramVerdict, path: string): ExitConvention | undefined {
  if (verdict === 'tap') return undefined;
  if (verdict !== 'auto') return verdict;
  return path.includes('/selftests/') ? 'kselftest' : 'liburing';
}

/** The problem of a program that cannot be executed; none where it is missing. */
async function executableProblems(path: string, suite: Suite): Promise<Problem[]> {
  const info = await stat(path).catch(() => undefined);
  if (!info || (info.isFile() && info.mode & 0o111)) return [];
  const problem = {
    what: 'the program is no executable file',
    where: path,
    expected: `the program that \`run\` of ${suite.name} names`,
  };
  return [info.isFile() ? { ...problem, fix: `chmod +x ${path}` } : problem];
}

/**
 * The files of a program suite, the libraries that guests lack, and how it is started. An absolute path in `run` names a program of the
 * guest, as absolute arguments do. Throws InputError for missing files.
 */
export async function collectProgram(
  suite: Suite,
  signal: AbortSignal,
): Promise<{ files: PayloadFile[]; start: ProgramFile }> {
  const [first = '', ...args] = suite.run ?? [];
  const isOfGuest = posix.isAbsolute(first);
  const program = isOfGuest ? first : insideSuite(suite, first);
  const named = [...(isOfGuest ? [] : [first]), ...suite.files];
  const problems = [
    ...(isOfGuest ? [] : await executableProblems(program, suite)),
    ...(await pathProblems(suite, named)),
  ];
  if (problems.length > 0) throw new InputError(problems);
  const files = await collectFiles(suite, named, signal);
  const convention = conventionOf(suite.verdict, program);
  return {
    files,
    start: {
      program: isOfGuest ? first : relative(suite.dir, program).split(sep).join('/'),
      ...{ args, env: suite.env },
      ...(convention ? { convention } : {}),
      tapFirst: suite.verdict === 'auto',
    },
  };
}
