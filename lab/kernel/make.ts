import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { cacheRoot } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { confine, sandboxWorks } from './sandbox.ts';
import { type Toolchain, toolPath } from './toolchain.ts';

export interface MakeRequest {
  /** The source's files; read-only to the build. */
  tree: string;
  /** The object folder (`O=`), the only place of the source's that is written. */
  objects: string;
  targets: string[];
  jobs: number;
  tools: Toolchain;
  signal: AbortSignal;
  /** Where the output goes as it comes; appended. */
  logFile: string;
  onLine?: (line: string) => void;
}

/** The same in every build: nothing of host, user, clock or locale gets into a kernel. */
const fixed = {
  KBUILD_BUILD_TIMESTAMP: '2025-01-01',
  KBUILD_BUILD_USER: 'ringlab',
  KBUILD_BUILD_HOST: 'ringlab',
  KBUILD_BUILD_VERSION: '1',
  // Set but empty: scripts/setlocalversion then adds no `+` for a tree without a tag.
  LOCALVERSION: '',
};

function environment(workDir: string): Record<string, string> {
  return {
    PATH: toolPath,
    LC_ALL: 'C',
    TZ: 'UTC',
    HOME: '/nonexistent',
    ...fixed,
    CCACHE_DIR: join(cacheRoot(), 'ccache'),
    // Paths below it are made relative, so that objects are found again from another cache folder.
    CCACHE_BASEDIR: workDir,
    CCACHE_NOHASHDIR: '1',
    // Takes what a source includes from the compiler's own list instead of preprocessing it twice: a third of a cold build.
    CCACHE_DEPEND: '1',
  };
}

/** Kbuild's own `gzip -9` takes a second and a half of every build for a bzImage that is seldom booted. */
const FAST_GZIP = "KGZIP=sh -c 'exec gzip -n -f -1' gzip";

function commandLine({ tree, objects, targets, jobs, tools }: MakeRequest): string[] {
  // ccache rewrites the source's path to one relative to the object folder; neither form may reach __FILE__ or DWARF.
  const maps = [`${tree}/=`, '../tree/=', `${objects}=.`].map((map) => `-ffile-prefix-map=${map}`).join(' ');
  return [
    'make',
    // What a command prints comes in one piece, when its target is done (log.ts and objects.ts rely on it).
    '--output-sync=target',
    '--no-print-directory',
    `-j${jobs}`,
    '-C',
    tree,
    `O=${objects}`,
    `ARCH=${tools.arch}`,
    `CC=${tools.ccache ? 'ccache gcc' : 'gcc'}`,
    `KCFLAGS=${maps}`,
    `KAFLAGS=${maps}`,
    FAST_GZIP,
    ...targets,
  ];
}

/**
 * Runs make on a kernel tree, in the sandbox where one works. Returns make's exit code; throws LabError when the
 * sandbox fails, and the abort reason when the signal fires.
 */
export async function make(request: MakeRequest): Promise<number> {
  const { tree, objects, signal, logFile, onLine } = request;
  const env = environment(join(objects, '..'));
  await Promise.all([mkdir(env.CCACHE_DIR ?? '', { recursive: true }), mkdir(objects, { recursive: true })]);
  const writable = [objects, env.CCACHE_DIR ?? ''];
  const wrapper = (await sandboxWorks())
    ? ['bwrap', ...confine({ writable, readable: [tree], cwd: objects })]
    : [];
  // One stream, else make keeps a command's output and its errors apart.
  const [command = '', ...args] = [...wrapper, 'sh', '-c', 'exec "$@" 2>&1', 'sh', ...commandLine(request)];
  const log = createWriteStream(logFile, { flags: 'a' });
  const written = finished(log).catch((error) => {
    throw new LabError('cannot write the build log', { cause: error });
  });
  // Awaited at the end; a full disk must not end the process before.
  written.catch(() => {});
  const take = (line: string) => {
    // What make says while it is being stopped is no proof that a target is whole.
    if (signal.aborted) return;
    log.write(`${line}\n`);
    onLine?.(line);
  };
  try {
    const settings = {
      cwd: objects,
      env,
      cleanEnv: true,
      signal,
      accept: 'any',
      maxBuffer: 1 << 16,
    } as const;
    const { code, stderr } = await run(command, args, { ...settings, onLine: take });
    if (/^bwrap: /m.test(stderr)) throw new LabError(`the sandbox failed: ${stderr.trim()}`);
    return code;
  } finally {
    log.end();
    await written;
  }
}
