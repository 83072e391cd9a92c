import { LabError } from '../../core/errors.ts';
import { run } from '../../core/process.ts';
import { confine, sandboxWorks } from '../sandbox.ts';
import { toolPath } from '../toolchain.ts';

const maxPasses = 5;

/** A compiler that sees the given include folders only; text in, text out, nothing is executed or written. */
export class HeaderCompiler {
  constructor(
    readonly folders: readonly string[],
    readonly signal: AbortSignal,
  ) {}

  /** Runs gcc on a source text. Never throws for errors in the source. */
  async run(
    args: readonly string[],
    source: string,
  ): Promise<{ stdout: string; stderr: string; ok: boolean }> {
    const wrapper = (await sandboxWorks())
      ? ['bwrap', ...confine({ writable: [], readable: [...this.folders], cwd: '/' })]
      : [];
    const includes = this.folders.flatMap((folder) => ['-isystem', folder]);
    const flags = ['-std=gnu11', '-nostdinc', '-w', ...includes, '-x', 'c', ...args, '-o', '-', '-'];
    const [command = '', ...rest] = [...wrapper, 'gcc', ...flags];
    const settings = { env: { PATH: toolPath, LC_ALL: 'C' }, cleanEnv: true, signal: this.signal } as const;
    const { code, stdout, stderr } = await run(command, rest, { ...settings, input: source, accept: 'any' });
    return { stdout, stderr, ok: code === 0 };
  }

  /**
   * The values of C expressions, in the order given; undefined where one is no integer constant. They are read from the data
   * that the compiler lays out, so nothing has to run.
   */
  async evaluate(preamble: string, expressions: readonly string[]): Promise<(bigint | undefined)[]> {
    const head = preamble.split('\n').length;
    let left = expressions.map((_, index) => index);
    for (let pass = 0; pass < maxPasses && left.length > 0; pass++) {
      // `~` takes integers only: neither strings nor floating point pass it.
      const body = left.map((index) => {
        const expression = `(${expressions[index]})`;
        return `const long long ringlab_${index}[] = {(long long)${expression}, ${expression} > 0, ~${expression}};`;
      });
      const source = `${preamble}\n${body.join('\n')}\n`;
      const { stdout, stderr, ok } = await this.run(['-S', '-O0', '-ftrack-macro-expansion=0'], source);
      if (ok) return readData(stdout, expressions.length);
      const bad = new Set(
        [...stderr.matchAll(/^<stdin>:(\d+):\d+: error:/gm)].map((match) => Number(match[1]) - head - 1),
      );
      const kept = left.filter((_, line) => !bad.has(line));
      if (kept.length === left.length)
        throw new LabError(`the kernel's headers do not compile:\n${stderr.slice(0, 2000)}`);
      left = kept;
    }
    if (left.length > 0)
      throw new LabError("the constants of the kernel's headers could not be told from the rest");
    return expressions.map(() => undefined);
  }
}

/** Reads `ringlab_<index>:` labels and the two 64-bit words under each from assembly. */
function readData(assembly: string, count: number): (bigint | undefined)[] {
  const values: (bigint | undefined)[] = new Array(count).fill(undefined);
  for (const block of assembly.split(/^ringlab_/m).slice(1)) {
    const index = Number.parseInt(block, 10);
    const words = [...block.matchAll(/^\s*\.(quad|zero)\s+(-?\d+)/gm)].flatMap(([, kind, number = '0']) =>
      kind === 'quad' ? [BigInt(number)] : new Array<bigint>(Number(number) / 8).fill(0n),
    );
    const [value, positive] = words;
    // A positive value that reads as negative is one of more than 63 bits.
    if (value !== undefined)
      values[index] = value < 0n && positive === 1n ? BigInt.asUintN(64, value) : value;
  }
  return values;
}
