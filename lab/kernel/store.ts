import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DANGLING, isDangling, writeJson } from '../core/atomic.ts';
import { cacheRoot, ensureFolder } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { readPlainFile } from '../core/plain-file.ts';
import { run } from '../core/process.ts';
import { removeTree } from '../core/remove.ts';
import { hostArch } from '../model/arch.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import { Uapi } from '../model/uapi.ts';
import { listFiles } from './collect.ts';
import { checkRegularFile, MAX_TEXT_BYTES } from './regular-file.ts';
import { firstDamage, Sums, sumsOf } from './sums.ts';

/** `build.json` of a stored kernel: what it was built from and with. It has no paths of the machine. */
const BuildFacts = z.object({
  format: z.literal(2),
  key: z.string(),
  release: z.string(),
  arch: z.string(),
  tree: z.string(),
  configHash: z.string(),
  compiler: z.string(),
  linker: z.string(),
  warnings: z.array(z.string()),
  /** Targets made in the object folder so far. */
  targets: z.number().int(),
  seconds: z.number(),
  sandboxed: z.boolean(),
  protections: z.array(z.string()),
  /** Name of the compressed image, if there is one. */
  bootImage: z.string().optional(),
});
type BuildFacts = z.infer<typeof BuildFacts>;

/** With the hashes of all other files, and one of all that is above. */
const BuildFile = BuildFacts.extend({ files: Sums, hash: z.string() });
type BuildFile = z.infer<typeof BuildFile>;

/** The hash of a `build.json`, whatever the order of its fields. */
const hashOfFile = (file: Omit<BuildFile, 'hash'>) =>
  hashOf(JSON.stringify(BuildFile.omit({ hash: true }).parse(file)));

/** Folder of a kernel in the store, by build key. */
export function storeFolder(key: string): string {
  return join(cacheRoot(), 'kernels', key);
}

function describe(file: BuildFacts, { name, commit }: SourceTree, cached: boolean): KernelBuild {
  const dir = storeFolder(file.key);
  const { key, release, tree, configHash, compiler, warnings, seconds, sandboxed, protections } = file;
  const paths = {
    vmlinux: join(dir, 'vmlinux'),
    systemMap: join(dir, 'System.map'),
    config: join(dir, 'config'),
    uapi: join(dir, 'uapi.json'),
    log: join(dir, 'build.log'),
  };
  const facts = { key, release, tree, configHash, compiler, warnings, seconds, sandboxed, protections };
  const image = file.bootImage === undefined ? {} : { bootImage: join(dir, file.bootImage) };
  return { ...facts, ...paths, ...image, name, commit, dir, cached };
}

/** What the store has under a key. `outdated`: it is of an earlier version, without hashes that could show who wrote it. */
export type StoreEntry =
  | { state: 'missing' }
  | { state: 'outdated' }
  | { state: 'damaged'; reason: string }
  | { state: 'stored'; file: BuildFacts };

const damaged = (reason: string): StoreEntry => ({ state: 'damaged', reason });

/** Reads an entry of the store and checks every file of it against its hash. */
export async function readEntry(key: string): Promise<StoreEntry> {
  const dir = storeFolder(key);
  if (await isDangling(dir)) return damaged(DANGLING);
  const text = await readPlainFile(join(dir, 'build.json')).catch(() => '');
  // The folder appears by rename when it is complete, so that without build.json something has removed it.
  if (text === undefined)
    return (await isEmpty(dir)) ? { state: 'missing' } : damaged('build.json is missing');
  try {
    const json: unknown = JSON.parse(text);
    if ((json as { format?: unknown } | null)?.format === 1) return { state: 'outdated' };
    const file = BuildFile.parse(json);
    if (file.key !== key || hashOfFile(file) !== file.hash) return damaged('build.json has another content');
    const reason = await firstDamage(dir, file.files);
    return reason === undefined ? { state: 'stored', file } : damaged(reason);
  } catch {
    return damaged('build.json cannot be read');
  }
}

async function isEmpty(dir: string): Promise<boolean> {
  const { code, stdout } = await run('find', [dir, '-maxdepth', '0', '-not', '-empty'], { accept: 'any' });
  return code !== 0 || stdout === '';
}

/**
 * The stored kernel of a key, undefined when there is none that is usable. A kernel that was built without a sandbox is used only where
 * that is allowed: any code could have changed it.
 */
export async function readBuild(
  key: string,
  tree: SourceTree,
  { unsafeNoSandbox = false }: { unsafeNoSandbox?: boolean | undefined },
): Promise<KernelBuild | undefined> {
  const entry = await readEntry(key);
  if (entry.state !== 'stored' || !(entry.file.sandboxed || unsafeNoSandbox)) return undefined;
  return describe(entry.file, tree, true);
}

/** Outputs of a finished build. */
interface Outputs {
  /** Folder that `collect` made; its files are moved from there. */
  out: string;
  /** Those of its files that `outputFiles` names. */
  files: readonly string[];
  logFile: string;
  /** Folder of the stored headers with their uapi.json (headers.ts). */
  headers: string;
  /** Path in `out` of the folder of `make modules_install`; absent when the config has no modules. */
  modules?: string;
}

/** Bytes of the largest output: vmlinux of a kernel with KASAN and DWARF has 1 GiB. */
const MAX_OUTPUT_BYTES = 4 * 2 ** 30;

/** Moves a file; copies it where the work folder is on another file system than the store. */
async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV') throw error;
    return copyFile(from, to);
  });
}

/** Bytes of all modules: the debug symbols of Debian's Linux 6.1 have 5.6 GB. */
const MAX_MODULES_BYTES = 16 * 2 ** 30;

/** Moves a folder of regular files; links, such as that of modules to the object folder, are left out. */
async function moveFolder(from: string, to: string, signal: AbortSignal): Promise<void> {
  for (const path of await listFiles(from, { skipLinks: true, maxBytes: MAX_MODULES_BYTES })) {
    signal.throwIfAborted();
    await mkdir(dirname(join(to, path)), { recursive: true });
    await move(join(from, path), join(to, path));
  }
}

/** Files of a stored kernel, by their paths in the object folder. */
export function outputFiles(bootImage: boolean): string[] {
  const { bootFile, image } = hostArch().kernel;
  const compressed = bootImage ? [image.file] : [];
  return [...new Set(['vmlinux', bootFile, ...compressed, 'System.map', '.config'])];
}

/**
 * Puts a finished build into the store, completely or not at all; an unusable entry of the same key is replaced. Callers hold the lock
 * of the source. Throws RefusedFile when an output is no regular file or too large, and the abort reason.
 */
export async function storeBuild(
  facts: BuildFacts,
  from: Outputs,
  tree: SourceTree,
  signal: AbortSignal,
): Promise<KernelBuild> {
  const fill = async (dir: string) => {
    for (const output of from.files) {
      const path = join(from.out, output);
      await checkRegularFile(path, output === '.config' ? MAX_TEXT_BYTES : MAX_OUTPUT_BYTES);
      await move(path, join(dir, output === '.config' ? 'config' : basename(output)));
    }
    await copyFile(from.logFile, join(dir, 'build.log'));
    // Hard links: a thousand files that never change.
    await run('cp', ['--archive', '--link', join(from.headers, 'headers'), join(dir, 'headers')]);
    const uapi = Uapi.parse(JSON.parse(await readFile(join(from.headers, 'uapi.json'), 'utf8')));
    await writeJson(join(dir, 'uapi.json'), { ...uapi, release: facts.release });
    if (from.modules) await moveFolder(join(from.out, from.modules), join(dir, 'modules'), signal);
    const file = { ...facts, files: await sumsOf(dir, signal) };
    await writeJson(join(dir, 'build.json'), { ...file, hash: hashOfFile(file) });
  };
  const folder = storeFolder(facts.key);
  await removeTree(folder);
  await ensureFolder(folder, fill, { signal });
  return describe(facts, tree, false);
}
