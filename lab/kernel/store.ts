import { copyFile, cp, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, ensureFolder, exists } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { hostArch } from '../model/arch.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import { Uapi } from '../model/uapi.ts';
import { copyRegularFile } from './regular-file.ts';

/** `build.json` of a stored kernel: what it was built from and with. It has no paths of the machine. */
const BuildFile = z.object({
  format: z.literal(1),
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
  /** Absent in kernels of earlier versions. */
  protections: z.array(z.string()).optional(),
});
type BuildFile = z.infer<typeof BuildFile>;

/** Folder of a kernel in the store, by build key. */
export function storeFolder(key: string): string {
  return join(cacheRoot(), 'kernels', key);
}

function describe(file: BuildFile, { name, commit }: SourceTree, cached: boolean): KernelBuild {
  const dir = storeFolder(file.key);
  const { key, release, tree, configHash, compiler, warnings, seconds, sandboxed, protections } = file;
  const paths = {
    vmlinux: join(dir, 'vmlinux'),
    systemMap: join(dir, 'System.map'),
    config: join(dir, 'config'),
    uapi: join(dir, 'uapi.json'),
    log: join(dir, 'build.log'),
  };
  const facts = {
    key,
    release,
    tree,
    configHash,
    compiler,
    warnings,
    seconds,
    sandboxed,
    ...(protections ? { protections } : {}),
  };
  return { ...facts, ...paths, name, commit, dir, cached };
}

/** The stored kernel of a key, or undefined. Throws LabError when its `build.json` is damaged. */
export async function readBuild(key: string, tree: SourceTree): Promise<KernelBuild | undefined> {
  const file = join(storeFolder(key), 'build.json');
  if (!(await exists(file))) return undefined;
  try {
    return describe(BuildFile.parse(JSON.parse(await readFile(file, 'utf8'))), tree, true);
  } catch (error) {
    throw new LabError(`kernels/${key}/build.json in the cache is damaged: remove that folder`, {
      cause: error,
    });
  }
}

/** Paths of the outputs of a finished build. */
interface Outputs {
  /** The object folder. */
  objects: string;
  logFile: string;
  /** Folder of the stored headers with their uapi.json (headers.ts). */
  headers: string;
  /** Folder of `make modules_install`; absent when the config has no modules. */
  modules?: string;
}

/** Puts a finished build into the store, completely or not at all. Throws LabError when an output is no regular file. */
export async function storeBuild(file: BuildFile, from: Outputs, tree: SourceTree): Promise<KernelBuild> {
  const fill = async (dir: string) => {
    const { bootFile, image } = hostArch().kernel;
    for (const output of new Set(['vmlinux', bootFile, image.file, 'System.map']))
      await copyRegularFile(join(from.objects, output), join(dir, basename(output)));
    await copyRegularFile(join(from.objects, '.config'), join(dir, 'config'));
    await copyFile(from.logFile, join(dir, 'build.log'));
    // Hard links: a thousand files that never change.
    await run('cp', ['--archive', '--link', join(from.headers, 'headers'), join(dir, 'headers')]);
    const uapi = Uapi.parse(JSON.parse(await readFile(join(from.headers, 'uapi.json'), 'utf8')));
    await writeJson(join(dir, 'uapi.json'), { ...uapi, release: file.release });
    if (from.modules) await cp(from.modules, join(dir, 'modules'), { recursive: true });
    await writeJson(join(dir, 'build.json'), file);
  };
  await ensureFolder(storeFolder(file.key), fill);
  return describe(file, tree, false);
}
