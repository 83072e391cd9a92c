import { join } from 'node:path';
import { lock } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import type { Arch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild } from '../model/kernel.ts';
import { type Compiled, compile, MODULES_FOLDER } from './compile.ts';
import { haveHeaders, headersFolder, storeHeaders } from './headers.ts';
import { readRegularFile } from './regular-file.ts';
import type { BuildSpec } from './spec.ts';
import { readBuild, storeBuild } from './store.ts';

function hasModules(config: string): boolean {
  return /^CONFIG_\w+=m$/m.test(config);
}

/** The make targets of a stored kernel, in phases. */
function phasesOf(config: string, headersStored: boolean, { kernel }: Arch): string[][] {
  const main = [kernel.image.target, ...(headersStored ? [] : ['headers'])];
  if (!hasModules(config)) return [main];
  return [
    [...main, 'modules'],
    ['modules_install', `INSTALL_MOD_PATH=${MODULES_FOLDER}`, 'DEPMOD=true'],
  ];
}

async function store(
  spec: BuildSpec,
  compiled: Compiled,
  headers: string,
  seconds: number,
): Promise<KernelBuild> {
  const { tree, config, tools, key } = spec;
  const { objects, warnings, protections } = compiled;
  const release = (await readRegularFile(join(objects.path, 'include/config/kernel.release'))).trim();
  const modules = hasModules(config) ? { modules: join(objects.path, MODULES_FOLDER) } : {};
  const { arch, compiler, linker } = tools;
  const facts = {
    ...{ key, release, arch: arch.name, compiler, linker, tree: tree.tree },
    ...{ configHash: hashOf(config), warnings, sandboxed: protections.length > 0, protections },
  };
  const file = { format: 1 as const, ...facts, targets: objects.progress.targets, seconds };
  return storeBuild(file, { objects: objects.path, logFile: objects.logFile, headers, ...modules }, tree);
}

/** Callers hold the lock of the source. */
async function compileAndStore(spec: BuildSpec, ctx: StageContext, jobs?: number): Promise<KernelBuild> {
  const { tree, tools, config } = spec;
  const began = performance.now();
  const headers = await headersFolder(tree, tools, ctx.signal);
  const phases = phasesOf(config, await haveHeaders(headers), tools.arch);
  const compiled = await compile(spec, phases, ctx, jobs);
  await storeHeaders(headers, compiled.objects.path, ctx);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return store(spec, compiled, headers, seconds);
}

/**
 * Builds a kernel that the store does not have, and stores it: one process at a time for each source. Emits `kernel.start` and
 * `kernel.end`. Throws as `compile` and `storeHeaders`.
 */
export async function buildIntoStore(
  spec: BuildSpec,
  ctx: StageContext,
  jobs?: number,
): Promise<KernelBuild> {
  const { tree, key, tools } = spec;
  const kernel = tree.name;
  const onWait = () => ctx.emit({ type: 'lock.wait', for: 'build', subject: kernel });
  await using _held = await lock(tree.workDir, ctx.signal, onWait);
  // The previous holder of the lock may have built this kernel.
  const stored = await readBuild(key, tree);
  if (stored) return stored;
  ctx.emit({ type: 'kernel.start', kernel, compiler: tools.compiler });
  try {
    const build = await compileAndStore(spec, ctx, jobs);
    ctx.emit({ type: 'kernel.end', kernel, outcome: 'built', seconds: build.seconds });
    return build;
  } catch (error) {
    ctx.emit({ type: 'kernel.end', kernel, outcome: ctx.signal.aborted ? 'stopped' : 'failed' });
    throw error;
  }
}
