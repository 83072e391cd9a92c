import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { cacheRoot } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { type SandboxPolicy, sandboxed } from '../core/sandbox.ts';
import { TOOL_PATH, type Toolchain } from './toolchain.ts';

interface MakeRequest {
  /** The source tree, read-only to the build. */
  tree: string;
  /** The object folder (`O=`), the only folder besides ccache's that the build may write. */
  objects: string;
  targets: string[];
  /** Compilers that run at once. */
  jobs: number;
  tools: Toolchain;
  signal: AbortSignal;
  policy: SandboxPolicy;
  /** Output is appended to it line by line. */
  logFile: string;
  /** Called with each line of output. */
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

function environment(workDir: string): Record<string, string> {
  return {
    PATH: TOOL_PATH,
    LC_ALL: 'C',
    TZ: 'UTC',
    HOME: '/nonexistent',
    ...REPRODUCIBLE,
    CCACHE_DIR: join(cacheRoot(), 'ccache'),
    // Paths below it are made relative, so that objects are cache hits from another cache folder as well.
    CCACHE_BASEDIR: workDir,
    CCACHE_NOHASHDIR: '1',
    // Includes are taken from the compiler's dependency file instead of preprocessing each source twice: a third of a cold build.
    CCACHE_DEPEND: '1',
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

/**
 * Runs make on a kernel tree, in the sandbox. Returns make's exit code. Throws LabError when the sandbox fails
 * or the log cannot be written, and the abort reason when the signal fires.
 */
export async function make(request: MakeRequest): Promise<number> {
  const { tree, objects, signal, logFile, onLine } = request;
  const env = environment(join(objects, '..'));
  await Promise.all([mkdir(env.CCACHE_DIR ?? '', { recursive: true }), mkdir(objects, { recursive: true })]);
  const access = { writable: [objects, env.CCACHE_DIR ?? ''], readable: [tree], cwd: objects, env };
  // In one stream: otherwise make synchronises standard output and standard error separately.
  const oneStream = ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...commandLine(request)];
  const [command = '', ...args] = await sandboxed(oneStream, access, request.policy);
  const log = createWriteStream(logFile, { flags: 'a' });
  const written = finished(log).catch((error) => {
    throw new LabError('cannot write the build log', { cause: error });
  });
  // Awaited at the end; until then a full disk must not raise an unhandled rejection.
  written.catch(() => {});
  const takeLine = (line: string) => {
    // Output of a make that is being stopped does not prove that a target is complete.
    if (signal.aborted) return;
    log.write(`${line}\n`);
    onLine?.(line);
  };
  try {
    const options = { cwd: objects, env, cleanEnv: true, signal, accept: 'any', maxBuffer: 1 << 16 } as const;
    const { code, stderr } = await run(command, args, { ...options, onLine: takeLine });
    if (/^bwrap: /m.test(stderr)) throw new LabError(`the sandbox failed: ${stderr.trim()}`);
    return code;
  } finally {
    log.end();
    await written;
  }
}
