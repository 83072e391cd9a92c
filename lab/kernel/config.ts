import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../core/atomic.ts';
import { cacheRoot, lock } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { configure } from './configure.ts';
import { checkOptions } from './kconfig/check.ts';
import type { ResolvedRequest } from './request.ts';
import type { Toolchain } from './toolchain.ts';
import { WorkTree } from './worktree.ts';

/** Paths of the files that Kconfig reads. */
const KCONFIG_INPUT = /(^|\/)Kconfig|^scripts\/|^Makefile$|\/configs\/|^arch\/[^/]+\/Makefile/;

/** Equal for trees whose Kconfig gives the same config for the same request. */
async function configKey(tree: SourceTree, request: ResolvedRequest, tools: Toolchain, signal: AbortSignal) {
  const { stdout } = await run('git', ['ls-tree', '-r', tree.commit], { cwd: tree.gitDir, signal });
  const files = stdout.split('\n').filter((line) => KCONFIG_INPUT.test(line.slice(line.indexOf('\t') + 1)));
  return hashOf('config-1', tools.id, JSON.stringify(request.start), request.text, ...files);
}

/**
 * The finished `.config` of a request on a tree, from the cache where Kconfig has given it before. Throws InputError for options
 * of the fragments that did not take, VerdictError `build-failed` when the tree's Kconfig is broken.
 */
export async function finalConfig(
  tree: SourceTree,
  request: ResolvedRequest,
  tools: Toolchain,
  ctx: StageContext,
): Promise<string> {
  const file = join(cacheRoot(), 'configs', await configKey(tree, request, tools, ctx.signal));
  const stored = await readFile(file, 'utf8').catch(() => undefined);
  if (stored !== undefined) return stored;
  const onWait = () => ctx.emit({ type: 'lock.wait', for: 'build', subject: tree.name });
  await using _held = await lock(tree.workDir, ctx.signal, onWait);
  const work = new WorkTree(tree.workDir);
  await work.checkout(tree, ctx.signal);
  const text = await configure(tree, request, tools, ctx);
  await checkOptions(request.lines, text, work.path, tools.arch.kernel.srcarch);
  await writeAtomic(file, text);
  return text;
}
