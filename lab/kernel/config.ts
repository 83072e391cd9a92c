import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../core/atomic.ts';
import { cacheRoot, lock } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { failureOf } from './failure.ts';
import { configValues } from './kconfig/dotconfig.ts';
import { explain, refused } from './kconfig/explain.ts';
import { readKconfig } from './kconfig/parse.ts';
import { make } from './make.ts';
import { readRegularFile, replaceFile } from './regular-file.ts';
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

/** Runs Kconfig in `workDir/config` and returns the finished config. */
async function configure(
  { name, workDir }: SourceTree,
  request: ResolvedRequest,
  tools: Toolchain,
  { signal }: StageContext,
): Promise<string> {
  const source = join(workDir, 'tree');
  const objects = join(workDir, 'config');
  const logFile = join(workDir, 'config.log');
  const config = join(objects, '.config');
  await mkdir(objects, { recursive: true });
  await Promise.all([rm(config, { force: true }), rm(logFile, { force: true })]);
  const makeTarget = async (target: string) => {
    const code = await make({ tree: source, objects, targets: [target], jobs: 1, tools, signal, logFile });
    if (code !== 0) throw failureOf(name, await readFile(logFile, 'utf8'), [source, objects]);
  };
  if ('target' in request.start) await makeTarget(request.start.target);
  const start = 'text' in request.start ? request.start.text : await readRegularFile(config);
  await replaceFile(config, `${start}\n${request.text}`);
  await makeTarget('olddefconfig');
  return readRegularFile(config);
}

/** Throws one InputError with every option whose value in the finished config is not the requested one, and why. */
async function checkOptions(
  request: ResolvedRequest,
  text: string,
  source: string,
  tools: Toolchain,
): Promise<void> {
  const values = configValues(text);
  const failed = refused(request.lines, values);
  if (failed.length === 0) return;
  const definitions = await readKconfig(source, tools.arch.kernel.srcarch);
  throw new InputError(failed.map((line) => explain(line, definitions, values)));
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
  await checkOptions(request, text, work.path, tools);
  await writeAtomic(file, text);
  return text;
}
