import type { Colors } from '../../reports/index.ts';
import { cacheRoot } from '../core/cache.ts';
import { checkTemporaryFolder } from '../core/path-characters.ts';
import { contextOf, type LabEvent, type StageContext } from '../model/event.ts';
import { EventLog } from '../record/event-log.ts';
import { cellWords, hasLine } from './cell-words.ts';
import { durationWords } from './live/duration.ts';
import { MinuteLines } from './live/minute.ts';
import { isBusy, type LiveState } from './live/state.ts';
import { Tracker } from './live/tracker.ts';
import type { LiveView } from './live/view.ts';
import { colorsFor, isScreen } from './output.ts';
import { stderr, type Terminal } from './terminal.ts';
import { detailWords, endWords, lineWords, startWords, subjectWords } from './words.ts';

/** How a command reports its progress. */
export interface RendererOptions {
  /** Prints single tests, compiler output and what begins. */
  verbose?: boolean | undefined;
  /** Prints nothing but that the sandbox is off. */
  quiet?: boolean | undefined;
  env?: NodeJS.ProcessEnv;
  /** Time between two lines of progress without a live view, ms; a minute. */
  everyMs?: number;
}

/** When the work began whose end an event is. */
function startOf(event: LabEvent, { work, running }: LiveState): number | undefined {
  if (event.type === 'cell.end') return event.ms > 0 ? event.at - event.ms : undefined;
  if (event.type === 'guest.ready' && !running.has(event.guest)) return event.at - event.ms;
  return work.get(subjectWords(event))?.startedMs;
}

/**
 * Turns events into text on standard error. Lines that stay: each end of a cell or build, notes, failures. What runs is shown below
 * them by a live view on a terminal, else by a line a minute.
 */
export class Renderer {
  readonly #out: Terminal;
  readonly #options: RendererOptions;
  #isLive: boolean;
  readonly #colors: Colors;
  readonly #tracker = new Tracker();
  readonly #minutes: MinuteLines | undefined;
  #view: LiveView | undefined;
  #isOpening = false;

  constructor(out: Terminal, options: RendererOptions) {
    const { env = process.env, everyMs, quiet } = options;
    this.#out = out;
    this.#options = options;
    this.#isLive = isScreen(out, env) && !quiet;
    this.#colors = colorsFor(out, env);
    if (!quiet) this.#minutes = new MinuteLines(this.#tracker, this.#printMinute, everyMs);
  }

  /** Whether what runs is shown by a live view: on a screen, until `finish`. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Takes one event. */
  readonly take = (event: LabEvent): void => {
    const { state } = this.#tracker;
    this.#tracker.take(event);
    const text = this.#textOf(event, state);
    if (text !== undefined) this.#keep(`${subjectWords(event)}: ${text}`);
    if (this.#view) this.#view.refresh();
    else if (this.#isLive && !this.#isOpening && isBusy(this.#tracker.state)) void this.#open();
  };

  /** The command has been interrupted or has failed, and cleans up. */
  end(): void {
    this.#tracker.end();
    this.#view?.refresh();
  }

  /** Takes the live view away for good; lines are still printed. */
  finish(): void {
    this.#isLive = false;
    this.#minutes?.close();
    this.#view?.close();
    this.#view = undefined;
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    const { LiveView } = await import('./live/view.ts');
    const view = await LiveView.open(this.#out, this.#tracker, this.#colors);
    if (this.#isLive) this.#view = view;
    else view.close();
  }

  /** A text of several lines is indented, so that no line of it passes for one of ours. */
  #keep(text: string): void {
    this.#out.write(`${text.replaceAll('\n', '\n  ')}\n`);
    this.#view?.restore();
  }

  readonly #printMinute = (line: string): void => {
    if (!this.#view?.isVisible) this.#keep(line);
  };

  /** The line that an event leaves, without its subject; `before` is the state before the event. */
  #textOf(event: LabEvent, before: LiveState): string | undefined {
    const { quiet, verbose } = this.#options;
    if (quiet)
      return event.type === 'note' && event.note.code === 'sandbox.off' ? lineWords(event) : undefined;
    const end = this.#endOf(event, before);
    if (end !== undefined) {
      const since = startOf(event, before);
      return since === undefined ? end : `${end} (${durationWords(event.at - since)})`;
    }
    // A live view shows what has begun, and a log shows builds, which take minutes.
    const isLogged = verbose || event.type === 'kernel.start';
    const start = isLogged && !this.#isLive ? startWords(event) : undefined;
    const line = start ?? this.#restOf(event, before) ?? lineWords(event);
    return line ?? (verbose ? detailWords(event) : undefined);
  }

  #endOf(event: LabEvent, { running }: LiveState): string | undefined {
    if (event.type === 'cell.end') return hasLine(event) ? cellWords(event, this.#colors) : undefined;
    // Of a cell the end says enough.
    if (event.type === 'guest.ready' && running.has(event.guest) && !this.#options.verbose) return undefined;
    return endWords(event);
  }

  /** What was counted instead of printed. */
  #restOf(event: LabEvent, { notBegun }: LiveState): string | undefined {
    if (event.type !== 'run.end' || notBegun === 0) return undefined;
    return `${notBegun} ${notBegun === 1 ? 'cell' : 'cells'} did not begin`;
  }
}

/** Options of a verb that say what is reported, and where. */
export interface ReportingOptions {
  verbose?: boolean | undefined;
  quiet?: boolean | undefined;
  events?: string | undefined;
  unsafeNoSandbox?: boolean | undefined;
}

/**
 * The context of a verb: its signal; events go to standard error, and to `events` (`--events FILE`) as NDJSON. The signal also fires
 * when that file cannot be written. Throws InputError when cache or temporary files have a path that cannot be used.
 */
export function contextFor(
  signal: AbortSignal,
  { verbose, quiet, events, unsafeNoSandbox }: ReportingOptions,
): StageContext & { renderer: Renderer } {
  checkTemporaryFolder();
  cacheRoot();
  const renderer = new Renderer(stderr, { verbose, quiet });
  const log = events === undefined ? undefined : new EventLog(events);
  const take = (event: LabEvent) => {
    log?.take(event);
    renderer.take(event);
  };
  const ending = log ? AbortSignal.any([signal, log.failed]) : signal;
  ending.addEventListener('abort', () => renderer.end(), { once: true });
  return { ...contextOf(ending, take, { unsafeNoSandbox }), renderer };
}
