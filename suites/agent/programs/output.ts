import { withoutAnsi } from '../../../lab/tap/ansi.ts';

/** Characters kept of the beginning and of the end of what a program prints. */
const HEAD = 8 << 10;
const TAIL = 24 << 10;

/** The beginning and the end of a text of any length. */
export class BoundedText {
  #head = '';
  #tail = '';
  #chars = 0;

  add(text: string): void {
    this.#chars += text.length;
    const room = HEAD - this.#head.length;
    this.#head += text.slice(0, room);
    if (text.length > room) this.#tail = (this.#tail + text.slice(room)).slice(-TAIL);
  }

  get text(): string {
    const omitted = this.#chars - this.#head.length - this.#tail.length;
    if (omitted <= 0) return this.#head + this.#tail;
    return `${this.#head}\n[${omitted} characters left out]\n${this.#tail}`;
  }
}

/** A line that only TAP or KTAP begins with. */
const TAP_START = /^(?:K?TAP version \d+|1\.\.\d+(?:\s|$)|(?:not )?ok \d+(?:\s|$))/;

/** A result without a number, which may also be prose: `ok so far`. */
const UNNUMBERED = /^(?:not )?ok(?:\s|$)/;
/** A version line begins a stream: what came before it is prose, except a failure in a form that is none. */
const VERSION = /^K?TAP version /;
const isPlainFailure = (line: string) => /^not ok(?:\s*$|\s+-\s)/.test(withoutAnsi(line));
/** Most lines that are kept behind such a result. */
const MAX_PENDING = 1000;

/** Finds where TAP or KTAP begins in what a program prints. */
export class TapStart {
  /** Lines from the first result without a number on: what follows decides whether they are TAP. */
  #pending: string[] = [];
  #hasBegun = false;

  /** Takes a line; returns the lines of TAP that it shows, nothing before TAP has begun. */
  take(line: string): string[] {
    if (this.#hasBegun) return [line];
    const text = withoutAnsi(line);
    this.#hasBegun = TAP_START.test(text);
    const isPending = this.#pending.length > 0 || UNNUMBERED.test(text);
    if (isPending && this.#pending.length < MAX_PENDING) this.#pending.push(line);
    if (!this.#hasBegun) return [];
    if (VERSION.test(text)) return [...this.#pending.splice(0).filter(isPlainFailure), line];
    return this.#pending.length > 0 ? this.#pending.splice(0) : [line];
  }

  /** Ends the output of a program that has to print TAP: returns the results without numbers that it may have printed instead. */
  end(): string[] {
    this.#hasBegun ||= this.#pending.length > 0;
    return this.#pending.splice(0);
  }
}

/** Longest line that is passed on; longer ones are cut. */
const MAX_LINE = 8 << 10;

/** Splits the text of a stream into lines; a lone carriage return ends one too, as TAP 14 has it. */
export class Lines {
  #rest = '';
  readonly #take: (line: string) => void;

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  write(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#split(line);
  }

  end(): void {
    if (this.#rest) this.#split(this.#rest);
    this.#rest = '';
  }

  #split(line: string): void {
    const parts = line.split('\r').filter(Boolean);
    for (const part of parts.length > 0 ? parts : ['']) this.#take(part.slice(0, MAX_LINE));
  }
}
