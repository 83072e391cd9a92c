import { cacheRoot } from '../core/cache.ts';
import { checkTemporaryFolder } from '../core/path-characters.ts';
import { contextOf, type LabEvent, type StageContext } from '../model/event.ts';
import { oneLine } from '../model/visible.ts';
import { EventLog } from '../record/event-log.ts';
import { stderr, type Terminal } from './terminal.ts';
import {
  detailWords,
  endWords,
  isStart,
  lineWords,
  type Progress,
  progressOf,
  subjectWords,
} from './words.ts';

/** Without a terminal, progress is printed in steps of this many percent. */
const STEP = 10;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/**
 * Turns events into text on standard error: on a terminal one live status line under the lines that stay, else plain lines.
 * With `verbose`, compiler output and single tests are printed too. The only place that words events.
 */
export class Renderer {
  readonly #out: Terminal;
  readonly #live: boolean;
  readonly #verbose: boolean;
  readonly #started = new Map<string, number>();
  readonly #steps = new Map<string, number>();

  constructor(out: Terminal, options: { verbose: boolean }) {
    this.#out = out;
    this.#live = out.isTTY && !process.env.CI;
    this.#verbose = options.verbose;
  }

  #status(text: string): void {
    if (!this.#live) return;
    this.#out.clearLine();
    this.#out.write(oneLine(text, Math.max(20, this.#out.columns - 1)));
  }

  /** A text of several lines is indented, so that no line of it passes for one of ours. */
  #keep(text: string): void {
    this.#status('');
    this.#out.write(`${text.replaceAll('\n', '\n  ')}\n`);
  }

  #begin(subject: string, at: number): void {
    this.#started.set(subject, at);
    this.#status(`${subject} ...`);
    if (!this.#live && this.#verbose) this.#keep(`${subject}: begins`);
  }

  #end(subject: string, text: string, at: number): void {
    const since = this.#started.get(subject);
    this.#started.delete(subject);
    this.#steps.delete(subject);
    this.#keep(`${subject}: ${text}${since === undefined ? '' : ` (${seconds(at - since)})`}`);
  }

  #progress(subject: string, { done, total = 0, text }: Progress, at: number): void {
    const percent = total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : 0;
    const since = this.#started.get(subject);
    const elapsed = since === undefined ? '' : ` ${seconds(at - since)}`;
    const line = `${subject}: ${percent}% (${done}/${total})${elapsed}${text ? ` ${text}` : ''}`;
    this.#status(line);
    if (this.#live || subject === 'cells') return;
    const step = Math.floor(percent / STEP);
    if (total === 0 || step <= (this.#steps.get(subject) ?? 0)) return;
    this.#steps.set(subject, step);
    this.#keep(line);
  }

  /** Takes one event. */
  readonly take = (event: LabEvent): void => {
    const subject = subjectWords(event);
    const progress = progressOf(event);
    const end = endWords(event);
    const line = lineWords(event);
    const detail = this.#verbose ? detailWords(event) : undefined;
    if (progress) this.#progress(subject, progress, event.at);
    else if (isStart(event)) this.#begin(subject, event.at);
    else if (end !== undefined) this.#end(subject, end, event.at);
    else if (line !== undefined) this.#keep(`${subject}: ${line}`);
    else if (detail !== undefined) this.#keep(`${subject}: ${detail}`);
  };

  /** Takes the status line away. */
  finish(): void {
    this.#status('');
  }
}

/**
 * The context of a verb: its signal; events go to standard error, and to `events` (`--events FILE`) as NDJSON. The signal also fires
 * when that file cannot be written. Throws InputError when cache or temporary files have a path that cannot be used.
 */
export function contextFor(
  signal: AbortSignal,
  options: {
    verbose?: boolean | undefined;
    events?: string | undefined;
    unsafeNoSandbox?: boolean | undefined;
  },
): StageContext & { renderer: Renderer } {
  checkTemporaryFolder();
  cacheRoot();
  const policy = { unsafeNoSandbox: options.unsafeNoSandbox };
  const renderer = new Renderer(stderr, { verbose: options.verbose ?? false });
  if (options.events === undefined) return { ...contextOf(signal, renderer.take, policy), renderer };
  const log = new EventLog(options.events);
  const take = (event: LabEvent) => {
    log.take(event);
    renderer.take(event);
  };
  return { ...contextOf(AbortSignal.any([signal, log.failed]), take, policy), renderer };
}
