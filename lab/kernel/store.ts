import { copyFile, cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, ensureFolder, exists } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import { Uapi } from '../model/uapi.ts';
import { copyPlain } from './plain.ts';

/** `build.json` of a stored kernel: what made it. No paths. */
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
  /** Targets of a build from nothing: what the progress of the next one counts against. */
  targets: z.number().int(),
  seconds: z.number(),
  sandboxed: z.boolean(),
});
export type BuildFile = z.infer<typeof BuildFile>;

export function storeFolder(key: string): string {
  return join(cacheRoot(), 'kernels', key);
}

function describe(file: BuildFile, { name, commit }: SourceTree, cached: boolean): KernelBuild {
  const dir = storeFolder(file.key);
  const { key, release, arch, tree, configHash, compiler, warnings, seconds, sandboxed } = file;
  const paths = {
    vmlinux: join(dir, 'vmlinux'),
    bzImage: join(dir, 'bzImage'),
    systemMap: join(dir, 'System.map'),
    config: join(dir, 'config'),
    uapi: join(dir, 'uapi.json'),
    log: join(dir, 'build.log'),
  };
  const facts = { key, release, arch, tree, configHash, compiler, warnings, seconds, sandboxed };
  return { ...facts, ...paths, name, commit, dir, cached };
}

/** The stored kernel of a key, or undefined. Throws LabError when what is there is not a kernel of ours. */
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

export interface Outputs {
  objects: string;
  logFile: string;
  /** Kept headers and their uapi.json (headers.ts). */
  headers: string;
  /** Folder of `make modules_install`, if there are modules. */
  modules?: string;
}

/** Puts a finished build into the store, whole or not at all. */
export async function storeBuild(file: BuildFile, from: Outputs, tree: SourceTree): Promise<KernelBuild> {
  const fill = async (dir: string) => {
    const outputs = {
      vmlinux: 'vmlinux',
      'arch/x86/boot/bzImage': 'bzImage',
      'System.map': 'System.map',
      '.config': 'config',
    };
    for (const [made, kept] of Object.entries(outputs))
      await copyPlain(join(from.objects, made), join(dir, kept));
    await copyFile(from.logFile, join(dir, 'build.log'));
    // A thousand files that never change: linked, not copied.
    await run('cp', ['--archive', '--link', join(from.headers, 'headers'), join(dir, 'headers')]);
    const uapi = Uapi.parse(JSON.parse(await readFile(join(from.headers, 'uapi.json'), 'utf8')));
    await writeJson(join(dir, 'uapi.json'), { ...uapi, release: file.release });
    if (from.modules) await cp(from.modules, join(dir, 'modules'), { recursive: true });
    await writeJson(join(dir, 'build.json'), file);
  };
  await ensureFolder(storeFolder(file.key), fill);
  return describe(file, tree, false);
}
