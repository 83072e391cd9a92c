import { arch as nodeArch } from 'node:os';
import { LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';

/**
 * Where the tools of a build are looked for. Not the user's PATH: the sandbox hides home folders, and the tools that were
 * asked for their version must be those that compile.
 */
export const toolPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Toolchain {
  /** Kernel architecture of this machine and the folder under arch/ that holds it. */
  arch: 'x86_64';
  srcarch: 'x86';
  /** First lines of `gcc --version` and `ld --version`. */
  compiler: string;
  linker: string;
  ccache: boolean;
  /** Equal for toolchains that make the same code. */
  id: string;
}

async function firstLine(command: string): Promise<string> {
  const { stdout } = await run(command, ['--version'], {
    env: { PATH: toolPath, LC_ALL: 'C' },
    cleanEnv: true,
  });
  return stdout.split('\n')[0] ?? '';
}

async function probe(): Promise<Toolchain> {
  if (nodeArch() !== 'x64')
    throw new LabError(`kernels are built for x86_64 on x86_64; this machine is ${nodeArch()}`);
  const [compiler, linker, ccache] = await Promise.all([
    firstLine('gcc'),
    firstLine('ld'),
    firstLine('ccache').then(
      () => true,
      () => false,
    ),
  ]);
  return { arch: 'x86_64', srcarch: 'x86', compiler, linker, ccache, id: hashOf(compiler, linker, 'x86_64') };
}

let known: Promise<Toolchain> | undefined;

/** The machine's compiler and linker, asked once a process. Throws LabError when one is missing. */
export function toolchain(): Promise<Toolchain> {
  known ??= probe();
  return known;
}
