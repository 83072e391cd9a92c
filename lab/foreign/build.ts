import { mkdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheRoot } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import { protections, sandboxed, TIME_LIMIT_CODE, throwIfSandboxFailed } from '../core/sandbox.ts';
import { ensureSealed } from '../core/seal.ts';
import type { StageContext } from '../model/event.ts';
import type { ForeignBuild, Origin } from '../model/foreign.ts';
import type { Suite } from '../model/suite.ts';
import { type Checkout, keyOfFiles, ofCommit, ofFolder } from './checkout.ts';
import { ofDebian, ofUrl } from './remote.ts';

/** A commit of a repository: the kernel under test, for suites whose source it is. */
export interface KernelCommit {
  gitDir: string;
  commit: string;
}

function checkoutOf(
  suite: Suite,
  build: ForeignBuild,
  kernel: KernelCommit | undefined,
  signal: AbortSignal,
): Promise<Checkout> {
  const origin: Origin | undefined = suite.origin;
  if (!origin) {
    if (build.from === 'adapter') return ofFolder(suite.dir, undefined, build.paths, signal);
    if (!kernel) throw new InputError(missingSource(suite.name, build));
    return ofCommit(kernel.gitDir, kernel.commit, build.paths, signal);
  }
  if (origin.kind === 'git') return ofUrl(origin.url, origin.revision, build.paths, signal);
  if (origin.kind === 'debian') return ofDebian(origin.package, origin.suite, signal);
  return ofFolder(origin.path, origin.revision, build.paths, signal);
}

/** The problem of a foreign suite whose source is not named. */
export const missingSource = (name: string, { example }: Pick<ForeignBuild, 'example'>) => ({
  what: `the suite ${name} is made of the source of another project`,
  where: `--suite ${name}`,
  expected: `--source ${name}=PATH, =GIT-URL or =debian:PACKAGE`,
  fix: `--source ${name}=${example}`,
});

/** An origin in words: `debian:liburing`. */
function placeOf(origin: Origin | undefined, from: ForeignBuild['from']): string {
  if (!origin) return from === 'adapter' ? 'its own folder' : 'the kernel under test';
  if (origin.kind === 'debian') return `debian:${origin.package}`;
  return origin.kind === 'git' ? origin.url : origin.path;
}

/** Lines of a failed build that are shown. */
const TAIL = 30;

/** Runs the build script of a suite in the sandbox: `source` is its working folder, `out` becomes the folder of the suite. */
async function runScript(
  suite: Suite,
  build: ForeignBuild,
  source: string,
  out: string,
  ctx: StageContext,
): Promise<void> {
  const script = join(suite.dir, build.script);
  const jobs = String(availableParallelism());
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    HOME: '/nonexistent',
    OUT: out,
    ADAPTER: suite.dir,
    JOBS: jobs,
  };
  const access = {
    writable: [source, out],
    readable: [suite.dir],
    cwd: source,
    env,
    limits: { seconds: build.timeoutSeconds },
  };
  const [file = '', ...args] = await sandboxed(['bash', '--norc', '-euo', 'pipefail', script], access, ctx);
  const options = { cwd: source, accept: 'any', signal: ctx.signal, maxOutput: 64 << 20 } as const;
  const result = await run(file, args, options);
  throwIfSandboxFailed(result);
  if (result.code === 0) return;
  const why =
    result.code === TIME_LIMIT_CODE
      ? `did not end within ${build.timeoutSeconds} s`
      : `ended with code ${result.code}`;
  const tail = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-TAIL).join('\n');
  throw new LabError(`the build of the suite ${suite.name} ${why}:\n${tail}`);
}

/**
 * Makes the folder of a foreign suite from the source of its project, once for each content of source and adapter. Gives the suite with
 * that folder; other suites as they are. Throws InputError when its source is not named or has no such revision, LabError when it cannot
 * be fetched or built.
 */
export async function buildForeign(
  suite: Suite,
  kernel: KernelCommit | undefined,
  ctx: StageContext,
): Promise<Suite> {
  const { build } = suite;
  if (!build) return suite;
  const { signal } = ctx;
  const checkout = await checkoutOf(suite, build, kernel, signal);
  // The script takes other files of its folder, but what the lab reads itself changes nothing of what is built.
  const adapter = await keyOfFiles(suite.dir, ['suite.yaml', suite.support ?? '']);
  const guarded = (await protections(ctx)).length > 0;
  const key = hashOf(
    'foreign-2',
    suite.name,
    checkout.key,
    build.script,
    adapter,
    guarded ? 'sandboxed' : 'unsafe',
  ).slice(0, 32);
  const folder = join(cacheRoot(), 'foreign', key);
  const fill = async (dir: string) => {
    const [work, source, out] = [join(dir, 'work'), join(dir, 'work/source'), join(dir, 'work/out')];
    for (const each of [source, out]) await mkdir(each, { recursive: true });
    await checkout.copyTo(source);
    ctx.emit({
      type: 'source.start',
      source: suite.name,
      action: 'read',
      from: placeOf(suite.origin, build.from),
    });
    await runScript(suite, build, source, out, ctx);
    await rename(out, join(dir, 'suite'));
    await rm(work, { recursive: true });
    ctx.emit({ type: 'source.end', source: suite.name });
  };
  const onDamage = (damage: string) =>
    ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject: `foreign/${key}`, damage } });
  await ensureSealed(folder, fill, { signal, onDamage });
  return { ...suite, dir: join(folder, 'suite'), adapterDir: suite.dir };
}
