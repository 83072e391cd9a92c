import type { Colors } from '../../../reports/index.ts';
import type { Terminal } from '../terminal.ts';
import type { LiveArea } from './area.ts';
import { isInForeground } from './foreground.ts';
import { frame } from './layout.ts';
import { painted } from './text.ts';
import type { Tracker } from './tracker.ts';

/** Shortest time between two frames, ms. */
const FRAME_MS = 200;

/**
 * Shows on a terminal what runs, below all other text, at most five times a second. It gives the terminal back when the process is
 * stopped (Ctrl-Z) or ends, however it ends.
 */
export class LiveView {
  readonly #terminal: Terminal;
  readonly #tracker: Tracker;
  readonly #colors: Colors;
  readonly #area: LiveArea;
  readonly #timer: NodeJS.Timeout;
  readonly #stopResize: () => void;
  #drawnMs = 0;
  #isStale = true;

  private constructor(terminal: Terminal, tracker: Tracker, colors: Colors, area: LiveArea) {
    this.#terminal = terminal;
    this.#tracker = tracker;
    this.#colors = colors;
    this.#area = area;
    // The view alone keeps no process alive.
    this.#timer = setInterval(this.#tick, FRAME_MS).unref();
    this.#stopResize = terminal.onResize(this.#draw);
    process.on('exit', this.#onExit);
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#onContinue);
  }

  /** Loads what draws, and begins. */
  static async open(terminal: Terminal, tracker: Tracker, colors: Colors): Promise<LiveView> {
    return new LiveView(terminal, tracker, colors, await terminal.openArea());
  }

  /** Whether there is anything to see: a background job shows nothing. */
  get isVisible(): boolean {
    return isInForeground();
  }

  /** Something has changed. */
  refresh(): void {
    this.#isStale = true;
  }

  /** A text has taken the area's place: it comes back at once, unless many texts follow one another. */
  restore(): void {
    if (Date.now() - this.#drawnMs >= FRAME_MS / 2) this.#draw();
    else this.#isStale = true;
  }

  /** Takes the view away for good. */
  close(): void {
    clearInterval(this.#timer);
    this.#stopResize();
    process.off('exit', this.#onExit);
    process.off('SIGTSTP', this.#onStop);
    process.off('SIGCONT', this.#onContinue);
    this.#area.clear();
  }

  readonly #tick = (): void => {
    const isNextSecond = Math.floor(Date.now() / 1000) !== Math.floor(this.#drawnMs / 1000);
    if (this.#isStale || isNextSecond) this.#draw();
  };

  readonly #draw = (): void => {
    const nowMs = Date.now();
    this.#drawnMs = nowMs;
    this.#isStale = false;
    const mayDraw = this.#terminal.isAtLineStart && isInForeground();
    const { state } = this.#tracker;
    const lines = mayDraw ? frame(state, this.#tracker.estimate(nowMs), this.#terminal, nowMs) : [];
    this.#area.draw(lines.map((line) => painted(line, this.#colors)));
  };

  readonly #onExit = (): void => this.#area.clear();

  /** Ctrl-Z: a listener replaces what the signal does, so that the process stops itself when its lines are gone. */
  readonly #onStop = (): void => {
    this.#area.clear();
    process.kill(process.pid, 'SIGSTOP');
  };

  /** Others have written meanwhile; of a process that SIGSTOP has stopped the lines are still there. */
  readonly #onContinue = (): void => {
    this.#area.leave();
    this.#draw();
  };
}
