import type { ComplaintClass } from './class.ts';
import { frameOf, isMachinery, normalise, plainName, pointerOf } from './frames.ts';

/** Lines and characters kept of one report; what is beyond is counted. */
const MAX_LINES = 250;
const MAX_CHARS = 32 << 10;
/** A trace without a frame within so many lines of its head was cut off. */
const TO_FIRST_FRAME = 15;
/** How far a report may go on before its trace begins (lockdep explains itself at length) and after it ended. */
const TO_TRACE = 150;
const AFTER_TRACE = 15;

const TRACE_HEAD = /^\s*(?:Call [Tt]race:|backtrace(?: \(crc \w+\))?:)/;
const TRACE_MARK = /^\s*<\/?(?:TASK|IRQ|NMI|SOFTIRQ|#\w+|EOI|ENTRY_TRAMPOLINE)>\s*$/;
/** Registers and the like, that belong to a trace wherever they stand. */
const DUMP =
  /^\s*$|^(?:RIP|RSP|RAX|RBX|RCX|RDX|RSI|RDI|RBP|R\d\d|FS|CS|CR2|DR\d|PKRU|Code|CPU|Hardware name|Workqueue|Modules linked in|irq event stamp|(?:hard|soft)irqs last|Tainted|FIX \S+|Kernel Offset|Mem-Info|Showing all locks)\b/;
const END_TRACE = /^---\[ end (?:trace|Kernel panic)/;
const RULE = /^={20,}\s*$/;

export const isRule = (text: string) => RULE.test(text);

/** One report as it comes in, line by line. */
export class OpenReport {
  readonly line: number;
  readonly test: string | undefined;
  readonly #text: string[] = [];
  #chars = 0;
  #left = 0;
  #class: ComplaintClass | undefined;
  #match: RegExpExecArray | undefined;
  #frames: string[] = [];
  #pointer: string | undefined;
  #state: 'head' | 'trace' | 'after' = 'head';
  #inState = 0;

  constructor(line: number, test: string | undefined) {
    this.line = line;
    this.test = test;
  }

  get class(): ComplaintClass | undefined {
    return this.#class;
  }

  /** Has its trace come to an end, so that only the closing line can be missing? */
  get complete(): boolean {
    return this.#class?.extent === 'line' || (this.#class?.extent === 'trace' && this.#state === 'after');
  }

  /** Lines so far. */
  get length(): number {
    return this.#text.length + this.#left;
  }

  header(found: ComplaintClass, match: RegExpExecArray): void {
    this.#class = found;
    this.#match = match;
  }

  /** Keeps a line as printed. */
  keep(raw: string): void {
    if (this.#text.length >= MAX_LINES || this.#chars > MAX_CHARS) {
      this.#left++;
      return;
    }
    this.#text.push(raw);
    this.#chars += raw.length;
  }

  note(text: string): void {
    this.#text.push(text);
  }

  /**
   * Takes a line after the header. `mine`: it belongs to the report; `last`: and ends it; `over`: the report ended before it;
   * `cut`: likewise, and its own end was never seen.
   */
  take(text: string): 'mine' | 'last' | 'over' | 'cut' {
    const extent = this.#class?.extent;
    this.#inState++;
    if (END_TRACE.test(text)) return 'last';
    if (isRule(text)) {
      if (extent === 'ruled') return 'last';
      if (this.#state === 'after') return 'over';
    }
    if (this.#state === 'head') return this.#head(text);
    return this.#state === 'trace' ? this.#trace(text) : this.#after(text);
  }

  #enter(state: 'trace' | 'after'): void {
    this.#state = state;
    this.#inState = 0;
  }

  #head(text: string): 'mine' | 'cut' {
    this.#pointer ??= pointerOf(text);
    if (TRACE_HEAD.test(text)) this.#enter('trace');
    return this.#inState > TO_TRACE ? 'cut' : 'mine';
  }

  #trace(text: string): 'mine' | 'over' | 'cut' {
    const frame = frameOf(text);
    if (frame) {
      this.#inState = 0;
      if (frame.sure) this.#frames.push(frame.name);
      return 'mine';
    }
    if (TRACE_MARK.test(text)) return 'mine';
    const interrupted = pointerOf(text);
    if (interrupted) this.#frames.push(interrupted);
    // A trace may hold the registers of what it interrupted.
    if (DUMP.test(text) && text.trim() !== '') return 'mine';
    if (this.#frames.length === 0) return this.#inState > TO_FIRST_FRAME ? 'cut' : 'mine';
    this.#enter('after');
    return this.#after(text);
  }

  #after(text: string): 'mine' | 'over' | 'cut' {
    const extent = this.#class?.extent;
    if (extent === 'trace') return DUMP.test(text) || TRACE_MARK.test(text) ? 'mine' : 'over';
    if (extent === 'ruled' || DUMP.test(text)) return 'mine';
    return this.#inState > AFTER_TRACE ? 'cut' : 'mine';
  }

  get #functions(): string[] {
    const all = this.#pointer === undefined ? this.#frames : [this.#pointer, ...this.#frames];
    return all.filter((name, index) => !isMachinery(name) && name !== all[index - 1]);
  }

  /** Title and signature; a report whose header never came has only its opening line to go by. */
  name(): { title: string; signature: string } {
    if (!this.#class || !this.#match) {
      const title = this.#text[0]?.includes('DMAR') ? 'DMAR: fault' : 'kernel report without a header';
      return { title, signature: title };
    }
    const { title: form } = this.#class;
    const { f, file } = this.#match.groups ?? {};
    const groups = this.#match;
    const text = form.replace(/\$(\d)/g, (_, index) => normalise(groups[Number(index)] ?? ''));
    const named = f === undefined || isMachinery(plainName(f)) ? undefined : plainName(f);
    const functions = this.#functions;
    const place = named ?? functions[0];
    const where = file ? ` (${file})` : '';
    const title = text.replace(' in {f}', place ? ` in ${place}${where}` : where);
    const kind = text.replace(' in {f}', '');
    const top = (functions.length > 0 ? functions : named ? [named] : []).slice(0, 5);
    return { title, signature: top.length > 0 ? `${kind} | ${top.join(' | ')}` : title };
  }

  text(): string {
    const more = this.#left > 0 ? [`[${this.#left} more lines of this report]`] : [];
    return [...this.#text, ...more].join('\n').trimEnd();
  }
}
