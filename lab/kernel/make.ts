import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../core/cache.ts';
import { VerdictError } from '../core/errors.ts';
import { OutputLimitError, run } from '../core/process.ts';
import {
  defaultLimits,
  MEMORY_LIMIT_CODE,
  PROCESS_LIMIT_CODE,
  type SandboxAccess,
  type SandboxPolicy,
  sandboxed,
  TIME_LIMIT_CODE,
  throwIfSandboxFailed,
} from '../core/sandbox.ts';
import type { DiskLimit } from './disk.ts';
import { BuildOutput } from './output.ts';
import { TOOL_PATH, type Toolchain } from './toolchain.ts';

interface MakeRequest {
  /** Name of the kernel, for messages. */
  name: string;
  /** The source tree, read-only to the build. */
  tree: string;
  /** The object folder (`O=`). */
  objects: string;
  /** What the build may write. */
  access: Pick<SandboxAccess, 'writable' | 'overlays' | 'mounts'>;
  /** Whether the build may add to the results of the compiler that others use: only for a source without patches. */
  trusted: boolean;
  /** How much it may write to the disk, where it is limited. */
  disk: DiskLimit | undefined;
  targets: string[];
  /** Compilers that run at once. */
  jobs: number;
  tools: Toolchain;
  signal: AbortSignal;
  policy: SandboxPolicy;
  /** Output is appended to it line by line. */
  logFile: string;
  /** Called with each line of output that the log keeps. */
  onLine?: (line: string) => void;
}

/** Fixed, so that host, user and clock do not get into the kernel (Documentation/kbuild/reproducible-builds.rst). */
const REPRODUCIBLE = {
  KBUILD_BUILD_TIMESTAMP: '2025-01-01',
  KBUILD_BUILD_USER: 'ringlab',
  KBUILD_BUILD_HOST: 'ringlab',
  KBUILD_BUILD_VERSION: '1',
  // Set but empty: scripts/setlocalversion then adds no `+` for a tree without a tag.
  LOCALVERSION: '',
};

/** Folder of ccache. What code without a sandbox has written is used only without a sandbox. */
function ccacheFolder({ unsafeNoSandbox }: SandboxPolicy): string {
  return join(cacheRoot(), unsafeNoSandbox ? 'ccache-unsafe' : 'ccache');
}

function environment({ objects, trusted, policy }: MakeRequest): Record<string, string> {
  // Its temporary files and statistics are in the cache folder by default.
  const readOnly = { CCACHE_READONLY: '1', CCACHE_NOSTATS: '1', CCACHE_TEMPDIR: '/tmp/ccache' };
  return {
    PATH: TOOL_PATH,
    LC_ALL: 'C',
    TZ: 'UTC',
    HOME: '/nonexistent',
    ...REPRODUCIBLE,
    CCACHE_DIR: ccacheFolder(policy),
    // Neither /etc/ccache.conf nor one in the cache folder, which could name a program to run before the compiler.
    CCACHE_CONFIGPATH: '/dev/null',
    // Results of earlier versions may be those of patched builds, which had written them to the same folder.
    CCACHE_NAMESPACE: 'ringlab-2',
    // Paths below it are made relative, so that objects are cache hits from another cache folder as well.
    CCACHE_BASEDIR: join(objects, '..'),
    CCACHE_NOHASHDIR: '1',
    // Includes are taken from the compiler's dependency file instead of preprocessing each source twice: a third of a cold build.
    CCACHE_DEPEND: '1',
    ...(trusted || policy.unsafeNoSandbox ? {} : readOnly),
  };
}

/** Kbuild's `gzip -9` takes 1.5 s of every build, for a compressed image that the lab does not boot. */
const FAST_GZIP = "KGZIP=sh -c 'exec gzip -n -f -1' gzip";

function commandLine({ tree, objects, targets, jobs, tools }: MakeRequest): string[] {
  // ccache makes the source's path relative to the object folder; neither form may reach __FILE__ or DWARF.
  const maps = [`${tree}/=`, '../tree/=', `${objects}=.`].map((map) => `-ffile-prefix-map=${map}`).join(' ');
  return [
    'make',
    // A command's output is printed uninterrupted, when its target is done; log.ts and objects.ts rely on it.
    '--output-sync=target',
    '--no-print-directory',
    `-j${jobs}`,
    '-C',
    tree,
    `O=${objects}`,
    `ARCH=${tools.arch.name}`,
    `CC=${tools.ccache ? 'ccache gcc' : 'gcc'}`,
    `KCFLAGS=${maps}`,
    `KAFLAGS=${maps}`,
    FAST_GZIP,
    ...targets,
  ];
}

/** Lines that a build may print, in one run of make; each takes the lab a microsecond. */
const MAX_LINES = 4_000_000;

/** The verdict on a build that was ended because it exceeded a limit. */
function exceeded({ name }: MakeRequest, what: string): VerdictError {
  const message = `${name} does not build: its build ${what}`;
  return new VerdictError('build-failed', message, message);
}

/** Runs make until it ends or a signal fires; `signal` ends it too. Throws as `make`. */
async function runMake(request: MakeRequest, signal: AbortSignal): Promise<number> {
  const { tree, objects, access, trusted, policy, logFile, onLine } = request;
  const env = environment(request);
  const ccache = env.CCACHE_DIR ?? '';
  await mkdir(ccache, { recursive: true });
  const rights = trusted
    ? { ...access, writable: [...access.writable, ccache], readable: [tree] }
    : { ...access, readable: [tree, ccache] };
  // In one stream: otherwise make synchronises standard output and standard error separately.
  const oneStream = ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...commandLine(request)];
  const [command = '', ...args] = await sandboxed(oneStream, { ...rights, cwd: objects, env }, policy);
  const log = new BuildOutput(logFile);
  const flood = new AbortController();
  const takeLine = (line: string) => {
    // Output of a make that is being stopped does not prove that a target is complete.
    if (signal.aborted || flood.signal.aborted) return;
    if (log.write(line)) onLine?.(line);
    else if (log.lines > MAX_LINES) flood.abort(exceeded(request, `prints more than ${MAX_LINES} lines`));
  };
  try {
    const output = { maxBuffer: 1 << 16, maxOutput: defaultLimits().outputBytes, onLine: takeLine };
    // Code of an earlier target may have made the folder inaccessible; the sandbox changes to it inside.
    const cwd = policy.unsafeNoSandbox ? objects : tree;
    const stop = AbortSignal.any([signal, flood.signal]);
    const options = { cwd, env, cleanEnv: true, signal: stop, accept: 'any', ...output } as const;
    const { code, stderr } = await run(command, args, options);
    throwIfSandboxFailed({ code, stderr });
    if (code === TIME_LIMIT_CODE)
      throw exceeded(request, `takes more than ${defaultLimits().seconds / 3600} hours`);
    if (code === MEMORY_LIMIT_CODE) throw exceeded(request, 'needs too much memory');
    if (code === PROCESS_LIMIT_CODE)
      throw exceeded(request, `starts more than ${defaultLimits().processes} processes`);
    return code;
  } catch (error) {
    if (error instanceof OutputLimitError)
      throw exceeded(request, `prints more than ${defaultLimits().outputBytes >> 20} MiB`);
    throw error;
  } finally {
    await log[Symbol.asyncDispose]();
  }
}

/**
 * Runs make on a kernel tree, in the sandbox. Returns make's exit code. Throws VerdictError when the build exceeds a limit of time, memory,
 * output or disk, LabError when the sandbox fails, the disk is full or the log cannot be written, and the abort reason when the signal
 * fires.
 */
export async function make(request: MakeRequest): Promise<number> {
  const { signal, disk } = request;
  using watch = disk?.watch();
  try {
    return await runMake(request, watch ? AbortSignal.any([signal, watch.signal]) : signal);
  } catch (error) {
    if (error instanceof VerdictError || signal.aborted) throw error;
    // A build that fills the disk fails in many ways, such as by a log that cannot be written.
    const what = await watch?.excess();
    throw what === undefined ? error : exceeded(request, what);
  }
}
