import { join } from 'node:path';
import type { GuestProgram, ProgramList } from '../../../lab/model/protocol.ts';
import { withoutAnsi } from '../../../lab/tap/ansi.ts';
import type { Leftovers } from '../leftovers.ts';
import { markKernelLog } from '../run.ts';
import type { TapWriter } from '../tap.ts';
import { runChild } from './child.ts';
import { BoundedText, Lines, TapStart } from './output.ts';
import { outcomeOf } from './report.ts';

/** What the runner needs besides the programs. */
export interface RunnerOptions {
  /** Folder of the programs, and that of their libraries. */
  home: string;
  libraries: string;
  /** Kernel release, `6.12.57`. */
  release: string;
  /** Looks for what programs leave behind; absent: nothing does. */
  leftovers?: Pick<Leftovers, 'look'>;
  /** Ends after this many programs that were not skipped; absent: runs all. */
  most?: number | undefined;
  tap: TapWriter;
}

/** Why a program is not run on a kernel; undefined when it is. */
export function reasonToSkip({ skip, unsupported = {} }: GuestProgram, release: string): string | undefined {
  if (skip !== undefined) return skip;
  const known = Object.entries(unsupported).find(
    ([measured]) =>
      release === measured || release.startsWith(`${measured}.`) || release.startsWith(`${measured}-`),
  );
  return known?.[1];
}

/** Lines of standard error that are kept for the next failure. */
const MAX_EXPLANATION = 100;

/**
 * Passes TAP on as a subtest once the first line of it has come, and what standard error says before each failure, where kselftest's
 * harness and others explain it. Keeps everything else.
 */
class Listener {
  readonly stdout = new BoundedText();
  readonly stderr = new BoundedText();
  tap = false;
  /** Standard output that has not been read yet. */
  readonly #waiting: string[] = [];
  readonly #explanation: string[] = [];
  readonly #lines: Lines;
  readonly #errors: Lines;
  readonly #start = new TapStart();
  readonly #program: GuestProgram;
  readonly #writer: TapWriter;

  constructor(program: GuestProgram, writer: TapWriter) {
    const takesTap = program.tapFirst || !program.convention;
    this.#program = program;
    this.#writer = writer;
    this.#lines = new Lines((line) => {
      if (takesTap) this.#passOn(this.#start.take(line));
    });
    this.#errors = new Lines((line) => {
      if (this.#explanation.length < MAX_EXPLANATION) this.#explanation.push(line);
    });
  }

  #passOn(lines: readonly string[]): void {
    for (const line of lines) {
      if (!this.tap) this.#writer.subtest(this.#program.name);
      this.tap = true;
      const failure = /^(\s*(?:# )?)not ok\b/.exec(withoutAnsi(line));
      if (failure) this.#explain(failure[1]);
      this.#writer.nested(line);
    }
  }

  #explain(indent = ''): void {
    for (const line of this.#explanation.splice(0)) this.#writer.nested(`${indent}# stderr: ${line}`);
  }

  /**
   * Standard output is read after what has come on standard error by then: a program explains a failure before it reports it, and two
   * pipes keep no order.
   */
  take(text: string, from: 'stdout' | 'stderr'): void {
    this[from].add(text);
    if (from === 'stderr') {
      this.#errors.write(text);
      return;
    }
    this.#waiting.push(text);
    // The event loop polls both pipes between two immediates.
    setImmediate(() => setImmediate(() => this.#readWaiting()));
  }

  #readWaiting(): void {
    for (const text of this.#waiting.splice(0)) this.#lines.write(text);
  }

  get printed() {
    this.#errors.end();
    this.#readWaiting();
    this.#lines.end();
    if (!this.#program.convention) this.#passOn(this.#start.end());
    if (this.tap) this.#explain();
    return { stdout: this.stdout.text, stderr: this.stderr.text, tap: this.tap };
  }
}

/**
 * Runs programs one after another and writes a result for each; the kernel log marks their beginnings and ends. Resolves to how many
 * failed, and to the program that could not be ended, after which no other is run.
 */
export async function runPrograms(
  { env, programs }: ProgramList,
  { home, libraries, release, most, tap, leftovers }: RunnerOptions,
): Promise<{ failed: number; stuck?: string }> {
  const variables = {
    PATH: '/sbin:/usr/sbin:/bin:/usr/bin',
    HOME: '/root',
    LD_LIBRARY_PATH: libraries,
    ...env,
  };
  let failed = 0;
  let executed = 0;
  for (const program of programs) {
    if (most !== undefined && executed >= most) break;
    const { name, args, timeoutMs } = program;
    const reason = reasonToSkip(program, release);
    if (reason !== undefined) {
      tap.test(name, { ok: true, durationMs: 0, directive: `SKIP ${reason}` });
      continue;
    }
    const listener = new Listener(program, tap);
    executed++;
    markKernelLog('begin', name);
    const onOutput = listener.take.bind(listener);
    const run = await runChild(join(home, name), args, { env: variables, timeoutMs, onOutput });
    markKernelLog('end', name);
    const outcome = outcomeOf(program, run, listener.printed);
    if (!outcome.ok && !outcome.directive?.startsWith('TODO')) failed++;
    tap.test(name, leftovers ? { ...outcome, leftovers: await leftovers.look() } : outcome);
    if (run.unkillable) return { failed, stuck: name };
  }
  return { failed };
}
