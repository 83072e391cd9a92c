import type { Header } from './classify.ts';
import type { ComplaintClass } from './complaint-class.ts';
import { frameOf, isMachinery, normalise, plainName, pointerOf } from './frames.ts';

/** Lines and characters kept of one report; further lines are counted. */
const MAX_LINES = 250;
const MAX_CHARS = 32 << 10;
/** Most functions of a trace that are looked at; a kernel stack has room for some 100. */
const MAX_FRAMES = 200;
/** Most characters of a title or a signature. */
const MAX_TITLE = 1000;
/** Most lines from the head of a trace to its first frame; with more the trace was cut off. */
const TO_FIRST_FRAME = 15;
/** Most lines of a report before its trace (lockdep's explanations are long), and after it. */
const TO_TRACE = 150;
const AFTER_TRACE = 15;

const TRACE_HEAD = /^\s*(?:Call [Tt]race:|backtrace(?: \(crc \w+\))?:)/;
const TRACE_MARK = /^\s*<\/?(?:TASK|IRQ|NMI|SOFTIRQ|#\w+|EOI|ENTRY_TRAMPOLINE)>\s*$/;
/** Registers and facts of the machine: part of the report before, within and after its trace. */
const DUMP =
  /^\s*$|^(?:RIP|RSP|RAX|RBX|RCX|RDX|RSI|RDI|RBP|R\d\d|FS|CS|CR2|DR\d|PKRU|Code|CPU|Hardware name|Workqueue|Modules linked in|irq event stamp|(?:hard|soft)irqs last|Tainted|FIX \S+|Kernel Offset|Mem-Info|Showing all locks)\b/;
const END_TRACE = /^---\[ end (?:trace|Kernel panic)/;
const RULE = /^={20,}\s*$/;

/** A rule of `=`, which opens and closes some reports. */
export const isRule = (text: string): boolean => RULE.test(text);

/** A report that is being read, line by line. */
export class OpenReport {
  readonly line: number;
  readonly test: string | undefined;
  readonly #text: string[] = [];
  #chars = 0;
  #omitted = 0;
  #header: Header | undefined;
  #frames: string[] = [];
  #pointer: string | undefined;
  #state: 'head' | 'trace' | 'after' = 'head';
  /** Lines since the state began. */
  #inState = 0;

  constructor(line: number, test: string | undefined) {
    this.line = line;
    this.test = test;
  }

  /** Undefined until the header has come. */
  get class(): ComplaintClass | undefined {
    return this.#header?.class;
  }

  /** True when its trace has ended, so that at most the closing line is missing. */
  get complete(): boolean {
    const extent = this.class?.extent;
    return extent === 'line' || (extent === 'trace' && this.#state === 'after');
  }

  /** Lines so far. */
  get length(): number {
    return this.#text.length + this.#omitted;
  }

  setHeader(header: Header): void {
    this.#header = header;
  }

  /** Keeps a line as printed. */
  keep(raw: string): void {
    if (this.#text.length >= MAX_LINES || this.#chars > MAX_CHARS) {
      this.#omitted++;
      return;
    }
    this.#text.push(raw);
    this.#chars += raw.length;
  }

  /** Adds a remark of the lab. */
  note(text: string): void {
    this.#text.push(text);
  }

  /**
   * Decides about a line after the header. `part`: it belongs to the report. `last`: it belongs to the report and ends it. `after`:
   * the report ended before it. `cut`: the same, but its last line never came.
   */
  take(text: string): 'part' | 'last' | 'after' | 'cut' {
    const extent = this.class?.extent;
    this.#inState++;
    if (END_TRACE.test(text)) return 'last';
    if (isRule(text)) {
      if (extent === 'ruled') return 'last';
      if (this.#state === 'after') return 'after';
    }
    if (this.#state === 'head') return this.#head(text);
    return this.#state === 'trace' ? this.#trace(text) : this.#after(text);
  }

  #enter(state: 'trace' | 'after'): void {
    this.#state = state;
    this.#inState = 0;
  }

  #head(text: string): 'part' | 'cut' {
    this.#pointer ??= pointerOf(text);
    if (TRACE_HEAD.test(text)) this.#enter('trace');
    return this.#inState > TO_TRACE ? 'cut' : 'part';
  }

  #trace(text: string): 'part' | 'after' | 'cut' {
    const frame = frameOf(text);
    if (frame) {
      this.#inState = 0;
      if (frame.sure && this.#frames.length < MAX_FRAMES) this.#frames.push(frame.name);
      return 'part';
    }
    if (TRACE_MARK.test(text)) return 'part';
    const interrupted = pointerOf(text);
    if (interrupted && this.#frames.length < MAX_FRAMES) this.#frames.push(interrupted);
    // A trace contains the registers of the code that an interrupt interrupted.
    if (DUMP.test(text) && text.trim() !== '') return 'part';
    if (this.#frames.length === 0) return this.#inState > TO_FIRST_FRAME ? 'cut' : 'part';
    this.#enter('after');
    return this.#after(text);
  }

  #after(text: string): 'part' | 'after' | 'cut' {
    const extent = this.class?.extent;
    if (extent === 'trace') return DUMP.test(text) || TRACE_MARK.test(text) ? 'part' : 'after';
    if (extent === 'ruled' || DUMP.test(text)) return 'part';
    return this.#inState > AFTER_TRACE ? 'cut' : 'part';
  }

  /** Functions from the innermost outwards, without those that identify nothing. */
  get #functions(): string[] {
    const all = this.#pointer === undefined ? this.#frames : [this.#pointer, ...this.#frames];
    return all.filter((name, index) => !isMachinery(name) && name !== all[index - 1]);
  }

  /** Title and signature. A report whose header never came has only its opening line to identify it. */
  name(): { title: string; signature: string } {
    if (!this.#header) {
      const title = this.#text[0]?.includes('DMAR') ? 'DMAR: fault' : 'kernel report without a header';
      return { title, signature: title };
    }
    const { match, class: reportClass } = this.#header;
    const { f, file } = match.groups ?? {};
    const template = reportClass.title.replace(/\$(\d)/g, (_, index) =>
      normalise(match[Number(index)] ?? ''),
    );
    const headerFunction = f === undefined || isMachinery(plainName(f)) ? undefined : plainName(f);
    const functions = this.#functions;
    const place = headerFunction ?? functions[0];
    const source = file ? ` (${file})` : '';
    const title = template.replace(' in {f}', place ? ` in ${place}${source}` : source);
    const kind = template.replace(' in {f}', '');
    const top = (functions.length > 0 ? functions : headerFunction ? [headerFunction] : []).slice(0, 5);
    const signature = top.length > 0 ? `${kind} | ${top.join(' | ')}` : title;
    return { title: title.slice(0, MAX_TITLE), signature: signature.slice(0, MAX_TITLE) };
  }

  /** The report as printed, with a note of the lines that were left out. */
  text(): string {
    const more = this.#omitted > 0 ? [`[${this.#omitted} more lines of this report]`] : [];
    return [...this.#text, ...more].join('\n').trimEnd();
  }
}
