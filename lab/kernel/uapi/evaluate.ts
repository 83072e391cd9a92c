import { VerdictError } from '../../core/errors.ts';
import { run } from '../../core/process.ts';
import {
  MEMORY_LIMIT_CODE,
  type SandboxPolicy,
  sandboxed,
  TIME_LIMIT_CODE,
  throwIfSandboxFailed,
} from '../../core/sandbox.ts';
import { TOOL_PATH } from '../toolchain.ts';

const MAX_PASSES = 5;

/** The headers of Linux 6.12 take gcc 0.2 s and 60 MB, and define 3000 constants. */
const LIMITS = { seconds: 60, memoryBytes: 2 ** 31, fileBytes: 256 << 20 };
const MAX_EXPRESSIONS = 50_000;
/** Characters of all expressions. */
const MAX_CHARACTERS = 8 << 20;

/** The verdict on headers that the compiler does not take. */
export function headersFailed(reason: string, output: string): VerdictError {
  const detail = output.slice(0, 4000).trim();
  return new VerdictError('build-failed', `the kernel's headers ${reason}`, detail || reason);
}

/** Throws the verdict on headers for which there are too many expressions to evaluate. */
export function checkCount(expressions: number): void {
  if (expressions > MAX_EXPRESSIONS)
    throw headersFailed(`define ${expressions} names, more than ${MAX_EXPRESSIONS}`, '');
}

/** gcc with `folders` as its only include folders. It runs in the sandbox; nothing that it compiles is executed. */
export class HeaderCompiler {
  constructor(
    readonly folders: readonly string[],
    readonly signal: AbortSignal,
    readonly policy: SandboxPolicy = {},
  ) {}

  /**
   * Compiles a source text; output goes to `stdout`. Errors in the source are no exception: `ok` is false. Throws VerdictError when
   * the compiler does not end in time, and as `run`.
   */
  async run(
    args: readonly string[],
    source: string,
  ): Promise<{ stdout: string; stderr: string; ok: boolean }> {
    const includes = this.folders.flatMap((folder) => ['-isystem', folder]);
    const flags = ['-std=gnu11', '-nostdinc', '-w', ...includes, '-x', 'c', ...args, '-o', '-', '-'];
    const env = { PATH: TOOL_PATH, LC_ALL: 'C' };
    const access = { writable: [], readable: this.folders, cwd: '/', env, limits: LIMITS };
    const [command = '', ...rest] = await sandboxed(['gcc', ...flags], access, this.policy);
    const options = { env, cleanEnv: true, signal: this.signal } as const;
    const { code, stdout, stderr } = await run(command, rest, { ...options, input: source, accept: 'any' });
    throwIfSandboxFailed({ code, stderr });
    if (code === MEMORY_LIMIT_CODE) throw headersFailed('take gcc too much memory', stderr);
    if (code === TIME_LIMIT_CODE) throw headersFailed(`take gcc more than ${LIMITS.seconds} s`, stderr);
    return { stdout, stderr, ok: code === 0 };
  }

  /**
   * The values of C expressions, in the same order; undefined where an expression is no integer constant. They are read from the
   * data section of the compiler's assembly output. Throws VerdictError when `preamble` does not compile.
   */
  async evaluate(preamble: string, expressions: readonly string[]): Promise<(bigint | undefined)[]> {
    const preambleLines = preamble.split('\n').length;
    checkCount(expressions.length);
    const characters = expressions.reduce((sum, { length }) => sum + length, 0);
    if (characters > MAX_CHARACTERS) throw headersFailed(`define names with ${characters} characters`, '');
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
        throw headersFailed(`do not compile: ${firstError(stderr)}`, stderr);
      candidates = accepted;
    }
    if (candidates.length > 0)
      throw headersFailed(`have constants that gcc still rejects after ${MAX_PASSES} passes`, '');
    return expressions.map(() => undefined);
  }
}

/** Characters of the assembly in which the words of one label lie. */
const MAX_BLOCK = 1000;

/** Message of the compiler's first error, without its place in our source text. */
export function firstError(stderr: string): string {
  const line = stderr.split('\n').find((each) => / error: /.test(each)) ?? stderr.trim().split('\n')[0] ?? '';
  const message = line.slice(line.indexOf('error: ') + 'error: '.length || 0);
  return message.slice(0, 300);
}

/** The value at each `ringlab_<index>:` label of the assembly: the first of its 64-bit words; the second is 1 for a positive value. */
function readData(assembly: string, count: number): (bigint | undefined)[] {
  const values: (bigint | undefined)[] = new Array(count).fill(undefined);
  for (const block of assembly.split(/^ringlab_/m).slice(1)) {
    const index = Number.parseInt(block, 10);
    if (!(index < count)) continue;
    // Three words; what follows the last block is data of the headers, of any size.
    const words: bigint[] = [];
    for (const [, kind, number = '0'] of block
      .slice(0, MAX_BLOCK)
      .matchAll(/^\t\.(quad|zero)\t(-?\d{1,20})$/gm)) {
      if (kind === 'quad') words.push(BigInt(number));
      else for (let bytes = 0; bytes < Math.min(Number(number), 24); bytes += 8) words.push(0n);
    }
    const [value, positive] = words;
    // A positive value whose first word is negative uses all 64 bits.
    if (value !== undefined)
      values[index] = value < 0n && positive === 1n ? BigInt.asUintN(64, value) : value;
  }
  return values;
}
