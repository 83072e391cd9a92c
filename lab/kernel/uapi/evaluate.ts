import { LabError } from '../../core/errors.ts';
import { run } from '../../core/process.ts';
import { type SandboxPolicy, sandboxed } from '../../core/sandbox.ts';
import { TOOL_PATH } from '../toolchain.ts';

const MAX_PASSES = 5;

/** gcc with `folders` as its only include folders. It runs in the sandbox; nothing that it compiles is executed. */
export class HeaderCompiler {
  constructor(
    readonly folders: readonly string[],
    readonly signal: AbortSignal,
    readonly policy: SandboxPolicy = {},
  ) {}

  /** Compiles a source text; output goes to `stdout`. Errors in the source are no exception: `ok` is false. Throws as `run` otherwise. */
  async run(
    args: readonly string[],
    source: string,
  ): Promise<{ stdout: string; stderr: string; ok: boolean }> {
    const includes = this.folders.flatMap((folder) => ['-isystem', folder]);
    const flags = ['-std=gnu11', '-nostdinc', '-w', ...includes, '-x', 'c', ...args, '-o', '-', '-'];
    const env = { PATH: TOOL_PATH, LC_ALL: 'C' };
    const access = { writable: [], readable: this.folders, cwd: '/', env };
    const [command = '', ...rest] = await sandboxed(['gcc', ...flags], access, this.policy);
    const options = { env, cleanEnv: true, signal: this.signal } as const;
    const { code, stdout, stderr } = await run(command, rest, { ...options, input: source, accept: 'any' });
    return { stdout, stderr, ok: code === 0 };
  }

  /**
   * The values of C expressions, in the same order; undefined where an expression is no integer constant. They are read from the
   * data section of the compiler's assembly output. Throws LabError when `preamble` does not compile.
   */
  async evaluate(preamble: string, expressions: readonly string[]): Promise<(bigint | undefined)[]> {
    const preambleLines = preamble.split('\n').length;
    let candidates = expressions.map((_, index) => index);
    for (let pass = 0; pass < MAX_PASSES && candidates.length > 0; pass++) {
      // `~` is defined for integers only, so that strings and floating-point values are errors.
      const body = candidates.map((index) => {
        const expression = `(${expressions[index]})`;
        return `const long long ringlab_${index}[] = {(long long)${expression}, ${expression} > 0, ~${expression}};`;
      });
      const source = `${preamble}\n${body.join('\n')}\n`;
      const { stdout, stderr, ok } = await this.run(['-S', '-O0', '-ftrack-macro-expansion=0'], source);
      if (ok) return readData(stdout, expressions.length);
      const errorLines = [...stderr.matchAll(/^<stdin>:(\d+):\d+: error:/gm)].map((match) =>
        Number(match[1]),
      );
      const rejected = new Set(errorLines.map((line) => line - preambleLines - 1));
      const accepted = candidates.filter((_, index) => !rejected.has(index));
      if (accepted.length === candidates.length)
        throw new LabError(`the kernel's headers do not compile:\n${stderr.slice(0, 2000)}`);
      candidates = accepted;
    }
    if (candidates.length > 0)
      throw new LabError(
        `the compiler still rejects constants of the kernel's headers after ${MAX_PASSES} passes`,
      );
    return expressions.map(() => undefined);
  }
}

/** The value at each `ringlab_<index>:` label of the assembly: the first of its 64-bit words; the second is 1 for a positive value. */
function readData(assembly: string, count: number): (bigint | undefined)[] {
  const values: (bigint | undefined)[] = new Array(count).fill(undefined);
  for (const block of assembly.split(/^ringlab_/m).slice(1)) {
    const index = Number.parseInt(block, 10);
    const words = [...block.matchAll(/^\s*\.(quad|zero)\s+(-?\d+)/gm)].flatMap(([, kind, number = '0']) =>
      kind === 'quad' ? [BigInt(number)] : new Array<bigint>(Number(number) / 8).fill(0n),
    );
    const [value, positive] = words;
    // A positive value whose first word is negative uses all 64 bits.
    if (value !== undefined)
      values[index] = value < 0n && positive === 1n ? BigInt.asUintN(64, value) : value;
  }
  return values;
}
