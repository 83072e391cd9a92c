import { clearLine, cursorTo } from 'node:readline';
import type { LabEvent, StageContext } from '../model/event.ts';
import { clean } from './clean.ts';

/** Plain mode tells of progress in steps of this many percent. */
const STEP = 10;

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Turns events into text on standard error: on a terminal one living status line under the kept lines, else plain lines.
 * `line` events (compiler output, single tests) are shown only when `verbose`.
 */
export class Renderer {
  #out: NodeJS.WriteStream;
  #live: boolean;
  #verbose: boolean;
  #started = new Map<string, number>();
  #steps = new Map<string, number>();

  constructor(out: NodeJS.WriteStream, options: { verbose: boolean }) {
    this.#out = out;
    this.#live = Boolean(out.isTTY) && !process.env.CI;
    this.#verbose = options.verbose;
  }

  #status(text: string): void {
    if (!this.#live) return;
    cursorTo(this.#out, 0);
    clearLine(this.#out, 0);
    this.#out.write(text.slice(0, Math.max(20, (this.#out.columns ?? 80) - 1)));
  }

  #keep(text: string): void {
    this.#status('');
    this.#out.write(`${text}\n`);
  }

  #progress(key: string, { subject, text, done = 0, total = 0 }: LabEvent): void {
    const percent = total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : 0;
    const since = this.#started.get(key);
    const line = `${key}: ${percent}% (${done}/${total})${since ? ` ${seconds(since)}` : ''}${text ? ` ${text}` : ''}`;
    this.#status(clean(line));
    if (this.#live) return;
    const step = Math.floor(percent / STEP);
    if (total === 0 || step <= (this.#steps.get(key) ?? 0)) return;
    this.#steps.set(key, step);
    if (subject !== 'cells') this.#keep(clean(line));
  }

  /** Takes one event. */
  readonly emit = (event: LabEvent): void => {
    const { stage, subject, kind, text } = event;
    const key = `${stage} ${subject}`;
    if (kind === 'start') {
      this.#started.set(key, performance.now());
      this.#status(clean(`${key} ...`));
      if (!this.#live && this.#verbose) this.#keep(clean(`${key}: begins`));
    } else if (kind === 'end') {
      const since = this.#started.get(key);
      this.#steps.delete(key);
      this.#keep(clean(`${key}: ${text ?? 'done'}${since ? ` (${seconds(since)})` : ''}`));
    } else if (kind === 'progress') this.#progress(key, event);
    else if (kind === 'note' || this.#verbose) this.#keep(clean(`${key}: ${text ?? ''}`));
  };

  /** Takes the status line away. */
  finish(): void {
    this.#status('');
  }
}

/** The context of a verb: its signal, and events shown on standard error. */
export function contextFor(
  signal: AbortSignal,
  options: { verbose?: boolean },
): StageContext & { renderer: Renderer } {
  const renderer = new Renderer(process.stderr, { verbose: options.verbose ?? false });
  return { signal, emit: renderer.emit, renderer };
}
