import { chmod, constants, copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { ProgramVerdict, Suite } from '../model/suite.ts';
import { librariesOf } from '../suite/libraries.ts';
import type { ExitConvention } from '../tap/index.ts';

/** `program.json` of a program's payload: how it is started and how its end is read. */
export const ProgramFile = z.object({
  /** The program below `files/`. */
  program: z.string(),
  args: z.array(z.string()),
  /** Convention of the exit code; absent where only TAP counts. */
  convention: z.enum(['kselftest', 'liburing', 'plain']).optional(),
  /** TAP outranks the exit code. */
  tapFirst: z.boolean(),
});
export type ProgramFile = z.infer<typeof ProgramFile>;

/** Reads `program.json` of a payload folder. Throws Error when the payload is damaged. */
export async function readProgram(folder: string): Promise<ProgramFile> {
  return ProgramFile.parse(JSON.parse(await readFile(join(folder, 'program.json'), 'utf8')));
}

/** A file of a payload: where it is now, and its path below the payload folder. */
export interface PayloadFile {
  from: string;
  to: string;
  mode: number;
}

/** Folders of a program's payload: its files as they lie in the suite, and libraries that guests lack. */
export const PROGRAM_FOLDERS = { files: 'files', libraries: 'lib' } as const;

/** A path below the suite's folder. Throws InputError for one that leads out of it. */
function inside({ dir, name }: Suite, path: string): string {
  const full = resolve(dir, path);
  if (full === dir || full.startsWith(dir + sep)) return full;
  throw new InputError({
    what: `${path} is outside of the suite`,
    where: name,
    expected: `a path below ${dir}`,
  });
}

async function filesBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Throws one InputError with every path that is not there. */
async function checkPresent(paths: readonly string[], suite: Suite): Promise<void> {
  const missing: string[] = [];
  for (const path of paths) await stat(path).catch(() => missing.push(path));
  if (missing.length === 0) return;
  throw new InputError(
    missing.map((path) => ({
      what: 'no such file',
      where: path,
      expected: `a file that ${suite.name} names`,
    })),
  );
}

/** The convention by which an exit code is read; undefined where only TAP counts. */
export function conventionOf(verdict: ProgramVerdict, path: string): ExitConvention | undefined {
  if (verdict === 'tap') return undefined;
  if (verdict !== 'auto') return verdict;
  return path.includes('/selftests/') ? 'kselftest' : 'liburing';
}

/** The files of a program suite, the libraries that guests lack, and how it is started. Throws InputError for missing files. */
export async function collectProgram(
  suite: Suite,
  signal: AbortSignal,
): Promise<{ files: PayloadFile[]; start: ProgramFile }> {
  const [first = '', ...args] = suite.run ?? [];
  const program = inside(suite, first);
  const named = [program, ...suite.files.map((path) => inside(suite, path))];
  await checkPresent(named, suite);
  const paths = [...new Set((await Promise.all(named.map(filesBelow))).flat())].sort();
  const below = (path: string) => relative(suite.dir, path).split(sep).join('/');
  const files = await Promise.all(
    paths.map(async (from) => ({
      from,
      to: posix.join(PROGRAM_FOLDERS.files, below(from)),
      mode: (await stat(from)).mode & 0o777,
    })),
  );
  const libraries = await librariesOf(program, signal);
  const convention = conventionOf(suite.verdict, program);
  return {
    files: [
      ...files,
      ...libraries.map(({ name, path }) => ({
        from: path,
        to: posix.join(PROGRAM_FOLDERS.libraries, name),
        mode: 0o755,
      })),
    ],
    start: {
      program: below(program),
      args,
      ...(convention ? { convention } : {}),
      tapFirst: suite.verdict === 'auto',
    },
  };
}

/** Copies files into a payload folder. */
export async function copyProgram(files: readonly PayloadFile[], dir: string): Promise<void> {
  for (const { from, to, mode } of files) {
    const path = join(dir, to);
    await mkdir(dirname(path), { recursive: true });
    await copyFile(from, path, constants.COPYFILE_FICLONE);
    await chmod(path, mode);
  }
}
