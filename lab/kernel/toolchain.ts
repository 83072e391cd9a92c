import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import { type Arch, hostArch } from '../model/arch.ts';

/**
 * PATH of a build. Not the user's: the sandbox hides home folders, and the compiler whose version is in the build key must be the one
 * that compiles.
 */
export const TOOL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Compiler and linker of this machine. */
export interface Toolchain {
  arch: Arch;
  /** First lines of `gcc --version` and `ld --version`. */
  compiler: string;
  linker: string;
  /** Whether ccache is installed. */
  ccache: boolean;
  /** Equal for toolchains that generate the same code. */
  id: string;
}

async function versionOf(command: string): Promise<string> {
  const { stdout } = await run(command, ['--version'], {
    env: { PATH: TOOL_PATH, LC_ALL: 'C' },
    cleanEnv: true,
  });
  return stdout.split('\n')[0] ?? '';
}

async function probe(): Promise<Toolchain> {
  const arch = hostArch();
  const [compiler, linker, ccache] = await Promise.all([
    versionOf('gcc'),
    versionOf('ld'),
    versionOf('ccache').then(
      () => true,
      () => false,
    ),
  ]);
  return { arch, compiler, linker, ccache, id: hashOf(compiler, linker, arch.name) };
}

let probed: Promise<Toolchain> | undefined;

/**
 * The machine's compiler and linker, probed once in the life of this process. Throws LabError when one is missing or the
 * architecture has no row in the table.
 */
export function toolchain(): Promise<Toolchain> {
  probed ??= probe();
  return probed;
}
