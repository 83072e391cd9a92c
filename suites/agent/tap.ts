import { writeSync } from 'node:fs';
import type { Metric } from '../lib/test.ts';

/** How one test ended. */
export interface Outcome {
  ok: boolean;
  durationMs: number;
  /** `SKIP reason` or `TIMEOUT`, put behind the name. */
  directive?: string;
  /** Further diagnostics of a failure. */
  diagnostics?: Record<string, string>;
  /** Which of several right behaviours was seen. */
  behaviour?: string;
  /** Figures. */
  metrics?: readonly Metric[];
  /** Comment lines. */
  notes?: readonly string[];
}

type Write = (text: string) => void;

/** Names stay on one line, and their `#` are no directives. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\#]/g, '\\$&');
}

function yamlValue(value: string): string {
  // JSON strings are YAML; longer text is easier to read as a block.
  if (!value.includes('\n') || /[^\x20-\x7e\n]/.test(value)) return JSON.stringify(value);
  return `|-\n${value.replace(/^/gm, '    ')}`;
}

/** Writes TAP 14 as it happens: whole lines, each before the next test begins. */
export class TapWriter {
  readonly #write: Write;
  #count = 0;

  constructor(write: Write = (text) => void writeSync(1, text)) {
    this.#write = write;
    this.#write('TAP version 14\n');
  }

  comment(text: string): void {
    this.#write(text.replace(/^/gm, '# ').concat('\n'));
  }

  test(name: string, outcome: Outcome): void {
    const { ok, durationMs, directive, behaviour, diagnostics = {}, metrics = [], notes = [] } = outcome;
    this.#count++;
    const lines = [`${ok ? 'ok' : 'not ok'} ${this.#count} - ${escaped(name)}`];
    if (directive) lines[0] += ` # ${directive.replace(/\s+/g, ' ')}`;
    lines.push('  ---', `  duration_ms: ${durationMs.toFixed(1)}`);
    if (behaviour) lines.push(`  behaviour: ${yamlValue(behaviour)}`);
    // JSON is YAML.
    if (metrics.length > 0) lines.push(`  metrics: ${JSON.stringify(metrics)}`);
    for (const [key, value] of Object.entries(diagnostics)) lines.push(`  ${key}: ${yamlValue(value)}`);
    lines.push('  ...', ...notes.map((note) => `# ${note.replace(/\s+/g, ' ')}`));
    this.#write(`${lines.join('\n')}\n`);
  }

  /** The plan comes last: a stream without one was cut off. */
  end(): void {
    this.#write(`1..${this.#count}\n`);
  }

  bailOut(reason: string): void {
    this.#write(`Bail out! ${escaped(reason)}\n`);
  }
}
