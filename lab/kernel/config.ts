import { join } from 'node:path';
import { writeAtomic } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { readPlainFile } from '../core/plain-file.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';
import { configure } from './configure.ts';
import { checkOptions } from './kconfig/check.ts';
import type { ResolvedRequest } from './request.ts';
import type { Toolchain } from './toolchain.ts';
import { WorkTree } from './worktree.ts';

/** Paths of the files that Kconfig reads. */
const KCONFIG_INPUT = /(^|\/)Kconfig|^scripts\/|^Makefile$|\/configs\/|^arch\/[^/]+\/Makefile/;

/**
 * Names of a finished config in the cache. `shared` is equal for trees whose Kconfig gives the same config for the same request; only
 * a source writes it. `own` is that of this tree: what its Kconfig gives is code of its patches.
 */
async function configKeys(
  tree: SourceTree,
  request: ResolvedRequest,
  tools: Toolchain,
  { signal, unsafeNoSandbox }: StageContext,
): Promise<{ shared: string; own: string }> {
  const { stdout } = await run('git', ['ls-tree', '-r', tree.commit], { cwd: tree.gitDir, signal });
  const files = stdout.split('\n').filter((line) => KCONFIG_INPUT.test(line.slice(line.indexOf('\t') + 1)));
  const asked = [tools.id, JSON.stringify(request.start), request.text];
  const shared = hashOf('config-2', ...asked, ...files);
  if (unsafeNoSandbox) return { shared, own: hashOf('config-unsafe', ...asked, tree.tree) };
  return { shared, own: sourceOf(tree) ? hashOf('config-of-tree', ...asked, tree.tree) : shared };
}

/** A finished config with its hash in front. */
const sealed = (text: string) => `# sha256 ${hashOf(text)}\n${text}`;

/** The config of a file that `sealed` made; undefined when it is missing, or, after a note, damaged. */
async function readConfig(key: string, { emit }: StageContext): Promise<string | undefined> {
  const stored = await readPlainFile(join(cacheRoot(), 'configs', key)).catch(() => null);
  if (stored === undefined) return undefined;
  const text = stored?.slice(stored.indexOf('\n') + 1);
  if (text !== undefined && sealed(text) === stored) return text;
  const damage = stored === null ? 'it is no regular file, or cannot be read' : 'its hash is wrong';
  const note = { code: 'cache.damaged', subject: `configs/${key}`, damage } as const;
  emit({ type: 'note', note });
  return undefined;
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
  const { shared, own } = await configKeys(tree, request, tools, ctx);
  for (const key of new Set([shared, own])) {
    const stored = await readConfig(key, ctx);
    if (stored !== undefined) return stored;
  }
  const onWait = () => ctx.emit({ type: 'lock.wait', for: 'build', subject: tree.name });
  await using _held = await lock(tree.workDir, ctx.signal, onWait);
  const work = new WorkTree(tree.workDir);
  await work.checkout(tree, { fresh: false }, ctx.signal);
  const text = await configure(tree, request, tools, ctx);
  await checkOptions(request.lines, text, work.path, tools.arch.kernel.srcarch, ctx.signal);
  await writeAtomic(join(cacheRoot(), 'configs', own), sealed(text));
  return text;
}
