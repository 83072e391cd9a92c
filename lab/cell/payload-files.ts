import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { hashFile } from '../core/hash.ts';
import type { Suite } from '../model/suite.ts';
import { librariesOf } from '../suite/libraries.ts';

/** A file of a payload: where it is now, and its path below the payload folder. A symbolic link has its target instead of content. */
export interface PayloadFile {
  from: string;
  to: string;
  mode: number;
  link?: string;
}

/** Folders of a program's payload: its files as they lie in the suite, and libraries that guests lack. */
export const PROGRAM_FOLDERS = { files: 'files', libraries: 'lib' } as const;

/** A path below the suite's folder. Throws InputError for one that leads out of it. */
export function insideSuite({ dir, name }: Suite, path: string): string {
  const full = resolve(dir, path);
  if (full === dir || full.startsWith(dir + sep)) return full;
  throw new InputError({
    what: `${path} is outside of the suite`,
    where: name,
    expected: `a path below ${dir}`,
  });
}

/** Folders that are never part of a suite. */
const IGNORED = new Set(['.git', 'node_modules']);

/** Files, links and empty folders are what a path stands for; sockets and the like are left out. */
async function filesBelow(path: string): Promise<string[]> {
  const info = await lstat(path);
  if (!info.isDirectory()) return info.isFile() || info.isSymbolicLink() ? [path] : [];
  const entries = await readdir(path, { withFileTypes: true });
  const kept = entries.filter(({ name }) => !IGNORED.has(name));
  return (await Promise.all(kept.map(({ name }) => filesBelow(join(path, name))))).flat();
}

/** The problems of paths that are not there, or lead out of the suite. */
export async function pathProblems(suite: Suite, paths: readonly string[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const path of paths) {
    try {
      await lstat(insideSuite(suite, path));
    } catch (error) {
      if (error instanceof InputError) problems.push(...error.problems);
      else
        problems.push({
          what: 'no such file',
          where: resolve(suite.dir, path),
          expected: `a file that ${suite.name} names`,
        });
    }
  }
  return problems;
}

/**
 * A link within the suite stays a link. One that leads out of it, to what guests do not have, becomes the file that it leads to.
 * Throws InputError for a link to a folder outside.
 */
async function asPayload(suite: Suite, root: string, from: string): Promise<PayloadFile> {
  const to = posix.join(PROGRAM_FOLDERS.files, relative(suite.dir, from).split(sep).join('/'));
  const info = await lstat(from);
  if (!info.isSymbolicLink()) return { from, to, mode: info.mode & 0o777 };
  const link = await readlink(from);
  const target = await realpath(from).catch(() => undefined);
  const isInside = !posix.isAbsolute(link) && (target === undefined || target.startsWith(root + sep));
  if (isInside || target === undefined) return { from, to, mode: 0o777, link };
  const { mode, ...kind } = await stat(target).then((found) => ({
    mode: found.mode & 0o777,
    isFile: found.isFile(),
  }));
  if (kind.isFile) return { from: target, to, mode };
  throw new InputError({
    what: `the link leads out of the suite, to ${target}`,
    where: from,
    expected: 'a link to a file, or to something in the folder of the suite',
    fix: 'copy the folder into the suite',
  });
}

/** Bytes that files of a suite may have together: they lie in the memory of the guest. */
const MAX_BYTES = 256 << 20;

async function checkSize(suite: Suite, files: readonly PayloadFile[]): Promise<void> {
  let bytes = 0;
  for (const { from, link } of files) bytes += link === undefined ? (await stat(from)).size : 0;
  if (bytes <= MAX_BYTES) return;
  throw new InputError({
    what: `the files of the suite have ${bytes >> 20} MiB`,
    where: suite.dir,
    expected: `at most ${MAX_BYTES >> 20} MiB, since they lie in the memory of the guest`,
    fix: 'name the programs and files that are needed in suite.yaml (`programs`, `files`)',
  });
}

/** Whether a file begins as an ELF file. */
async function isElf(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return bytesRead === 4 && buffer.toString('latin1') === '\x7fELF';
}

/**
 * The files at paths of a suite, links kept, and the libraries that any of them needs and guests lack. Throws one InputError with every
 * path that is missing or leads out of the suite.
 */
export async function collectFiles(
  suite: Suite,
  named: readonly string[],
  signal: AbortSignal,
): Promise<PayloadFile[]> {
  const problems = await pathProblems(suite, named);
  if (problems.length > 0) throw new InputError(problems);
  const below = await Promise.all(named.map((path) => filesBelow(insideSuite(suite, path))));
  const paths = [...new Set(below.flat())].sort();
  const root = await realpath(suite.dir);
  const files = await Promise.all(paths.map((path) => asPayload(suite, root, path)));
  await checkSize(suite, files);
  const binaries: string[] = [];
  for (const { from, link } of files) if (link === undefined && (await isElf(from))) binaries.push(from);
  const libraries = await librariesOf(binaries, signal);
  return [
    ...files,
    ...libraries.map(({ name, path }) => ({
      from: path,
      to: posix.join(PROGRAM_FOLDERS.libraries, name),
      mode: 0o755,
    })),
  ];
}

/** What decides a payload's key: path, mode and content of each file. */
export async function partsOf(files: readonly PayloadFile[]): Promise<string[]> {
  const parts = await Promise.all(
    files.map(async ({ from, to, mode, link }) => [
      to,
      String(mode),
      link === undefined ? await hashFile(from) : `link ${link}`,
    ]),
  );
  return parts.flat();
}

/** Copies files into a payload folder. */
export async function copyFiles(files: readonly PayloadFile[], dir: string): Promise<void> {
  for (const { from, to, mode, link } of files) {
    const path = join(dir, to);
    await mkdir(dirname(path), { recursive: true });
    if (link !== undefined) {
      await symlink(link, path);
      continue;
    }
    await copyFile(from, path, constants.COPYFILE_FICLONE);
    await chmod(path, mode);
  }
}
