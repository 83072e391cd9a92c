import { writeSync } from 'node:fs';
import type { TestClass } from '../../lab/model/protocol.ts';
import type { Metric } from '../lib/test.ts';

/** The outcome of a test, with everything that its TAP reports. */
export interface Outcome {
  ok: boolean;
  durationMs: number;
  /** `SKIP reason` or `TODO reason`. */
  directive?: string;
  /** The test exceeded its deadline. */
  timedOut?: boolean;
  /** Of a skip: the name that the kernel does not have. */
  lacks?: string;
  /** Diagnostics of a failure: `message`, `expected`, `got`, `at`, `stack`. */
  diagnostics?: Record<string, string>;
  /** Which of several correct behaviours the test asserted (`Test.since`). */
  behaviour?: string;
  /** What a failure means for a series by others (`Needs.class`). */
  class?: TestClass | undefined;
  /** Where the series chose otherwise than this project's (`Test.choice`). */
  choices?: readonly string[];
  /** What a pass lacks evidence for (`Test.lacksEvidence`). */
  unproven?: string | undefined;
  /** Figures of the test (`Test.metric`). */
  metrics?: readonly Metric[];
  /** What it left behind (`Leftovers`). */
  leftovers?: readonly string[];
  /** Comment lines (`Test.note`). */
  notes?: readonly string[];
}

type Write = (text: string) => void;

/** A text on one line, its spaces as they are: the kernel log has the name of a test as it is. */
const onOneLine = (text: string): string => text.replace(/[^\S ]+/g, ' ');

/** A name or reason on one line, with `#` and `\` escaped, so that it cannot be read as a directive. */
const escaped = (text: string): string => onOneLine(text).replace(/[\\#]/g, '\\$&');

function yamlValue(value: string): string {
  // A JSON string is valid YAML; text of several lines is easier to read as a block.
  if (!value.includes('\n') || /[^\x20-\x7e\n]/.test(value)) return JSON.stringify(value);
  return `|-\n${value.replace(/^/gm, '    ')}`;
}

/**
 * Writes TAP 14. Each result is written as whole lines before the next test begins, so that a crash of the guest loses only the test
 * that was running.
 */
export class TapWriter {
  readonly #write: Write;
  #count = 0;

  constructor(write: Write = (text) => void writeSync(1, text)) {
    this.#write = write;
    this.#write('TAP version 14\n');
  }

  /** Writes each line of a text as a comment. */
  comment(text: string): void {
    this.#write(text.replace(/^/gm, '# ').concat('\n'));
  }

  /**
   * Announces the tests before the first of them runs, one comment line each: `# ringlab: test "NAME" 60000 ms contract`, with the
   * deadline and the class of a test that has them. The lab reports an announced test without a result as lost, and one that hangs as timed out.
   */
  announce(
    tests: readonly { name: string; timeoutMs?: number | undefined; class?: TestClass | undefined }[],
  ): void {
    const lines = tests.map(({ name, timeoutMs, class: of }) => {
      const deadline = timeoutMs === undefined ? '' : ` ${Math.ceil(timeoutMs)} ms`;
      return `# ringlab: test ${JSON.stringify(onOneLine(name))}${deadline}${of ? ` ${of}` : ''}\n`;
    });
    if (lines.length > 0) this.#write(lines.join(''));
  }

  /** Writes the result of a test. */
  test(name: string, outcome: Outcome): void {
    const { ok, durationMs, directive, behaviour, lacks, unproven } = outcome;
    const { diagnostics = {}, metrics = [], notes = [], leftovers = [], choices = [] } = outcome;
    this.#count++;
    const lines = [`${ok ? 'ok' : 'not ok'} ${this.#count} - ${escaped(name)}`];
    if (directive) lines[0] += ` # ${escaped(directive)}`;
    lines.push('  ---', `  duration_ms: ${durationMs.toFixed(1)}`);
    // TAP 14 has no directive for it.
    if (outcome.timedOut) lines.push('  verdict: timeout');
    if (behaviour) lines.push(`  behaviour: ${yamlValue(behaviour)}`);
    if (outcome.class) lines.push(`  class: ${outcome.class}`);
    if (choices.length > 0) lines.push(`  choices: ${JSON.stringify(choices)}`);
    if (unproven) lines.push(`  unproven: ${yamlValue(unproven)}`);
    if (lacks) lines.push(`  lacks: ${yamlValue(lacks)}`);
    if (leftovers.length > 0) lines.push(`  leftovers: ${JSON.stringify(leftovers)}`);
    // JSON is valid YAML.
    if (metrics.length > 0) lines.push(`  metrics: ${JSON.stringify(metrics)}`);
    for (const [key, value] of Object.entries(diagnostics)) lines.push(`  ${key}: ${yamlValue(value)}`);
    lines.push('  ...', ...notes.map((note) => `# ${note.replace(/\s+/g, ' ')}`));
    this.#write(`${lines.join('\n')}\n`);
  }

  /** Begins a subtest, whose lines follow by `nested`; `test` of the same name ends it. */
  subtest(name: string): void {
    this.#write(`# Subtest: ${escaped(name)}\n`);
  }

  /** Writes a line of the subtest. */
  nested(line: string): void {
    this.#write(`    ${line}\n`);
  }

  /** Writes the plan. It comes last: a stream without a plan was cut off. `none`: why there are no tests, in case there are none. */
  end(none?: string): void {
    const reason = this.#count === 0 && none !== undefined ? ` # SKIP ${escaped(none)}` : '';
    this.#write(`1..${this.#count}${reason}\n`);
  }

  /** Ends the stream because the agent cannot go on. */
  bailOut(reason: string): void {
    this.#write(`Bail out! ${escaped(reason)}\n`);
  }
}
