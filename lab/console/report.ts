import { KIND_OF_FILE } from './checks.ts';
import { type Header, remarkOf } from './classify.ts';
import type { ComplaintClass } from './complaint-class.ts';
import { frameOf, plainName, pointerOf } from './frames.ts';
import { ReportText } from './report-text.ts';
import { Stacks } from './stacks.ts';
import {
  CPU_TRACE,
  END_TASK,
  END_TRACE,
  handlerOf,
  isDump,
  isRule,
  LOCKED_AT,
  NAMES_PLACE,
  STALL_PART,
  TRACE_HEAD,
  TRACE_MARK,
} from './syntax.ts';
import { titleOf } from './title.ts';

/** Most lines from the head of a trace to its first frame; with more the trace was cut off. */
const TO_FIRST_FRAME = 15;
/** Most lines of a report before its trace (lockdep's explanations are long), and after it. */
const TO_TRACE = 150;
const AFTER_TRACE = 15;
/** Most lines of others that are printed into a trace. */
const IN_TRACE = 3;
/** Most lines from the header of a warning to the text that says which check failed. */
const TO_DETAIL = 3;

/** What a line is to a report: a part, printed into it by others (`aside`), its end (`last`), behind its end (`after`), or behind an end that never came (`cut`). */
type Outcome = 'part' | 'aside' | 'last' | 'after' | 'cut';

/** A report that is being read, line by line. */
export class OpenReport {
  readonly line: number;
  readonly test: string | undefined;
  readonly #text = new ReportText();
  readonly #stacks = new Stacks();
  #header: Header | undefined;
  #state: 'head' | 'trace' | 'after' = 'head';
  /** Lines since the state began. */
  #inState = 0;
  #previous = '';
  /** The trace was interrupted by a line of others, and may go on. */
  #mayResume = false;

  constructor(line: number, test: string | undefined) {
    this.line = line;
    this.test = test;
  }

  /** Undefined until the header has come. */
  get class(): ComplaintClass | undefined {
    return this.#header?.class;
  }

  /** Undefined until the header has come. */
  get kind(): string | undefined {
    return KIND_OF_FILE[this.#header?.match.groups?.file ?? ''] ?? this.class?.kind;
  }

  /** True when its trace has ended, so that at most the closing line is missing. */
  get complete(): boolean {
    const extent = this.class?.extent;
    return extent === 'line' || ((extent === 'trace' || extent === 'stall') && this.#state === 'after');
  }

  /** True while it has said what is wrong and the trace is still to come, perhaps behind `cut here`. */
  get announces(): boolean {
    return this.#state === 'head' && this.class?.includes?.includes('kernel-bug') === true;
  }

  /** Lines so far. */
  get length(): number {
    return this.#text.length;
  }

  setHeader(header: Header): void {
    this.#header = header;
    this.#inState = 0;
  }

  /** Takes the header of what belongs to the same fault; false for that of another report. */
  join(header: Header): boolean {
    if (!this.#header) {
      this.setHeader(header);
      return true;
    }
    if (this.#state !== 'head' && !this.#stacks.empty) return false;
    const { kind, includes } = header.class;
    if (this.class?.includes?.includes(kind)) return true;
    // Until Linux 4.19 the text of a warning follows its header.
    if (this.class?.kind !== 'warning' || !includes?.includes('warning') || this.#inState > TO_DETAIL)
      return false;
    this.setHeader(header);
    return true;
  }

  /** Keeps a line as printed. */
  keep(raw: string): void {
    this.#text.keep(raw);
  }

  /** Adds a remark of the lab. */
  note(text: string): void {
    this.#text.note(text);
  }

  /** Decides about a line after the header. */
  take(text: string): Outcome {
    const outcome = this.#take(text);
    this.#previous = text;
    return outcome;
  }

  #take(text: string): Outcome {
    const extent = this.class?.extent;
    this.#inState++;
    if (this.#isRemark(text)) return 'after';
    const handler = handlerOf(text);
    if (handler) this.#stacks.fallback(handler);
    if (END_TRACE.test(text)) return 'last';
    if (isRule(text)) {
      if (extent === 'ruled') return 'last';
      if (this.#state === 'after') return 'after';
    }
    if (this.#state === 'head') return this.#head(text);
    return this.#state === 'trace' ? this.#trace(text) : this.#after(text);
  }

  /** Ends the report. A header whose next line never came was none. */
  end(): void {
    if (this.class?.next && this.#previous === '') this.#header = remarkOf(this.#header?.match[0] ?? '');
  }

  /** Whether this line, the first after the header, shows that the header was none. */
  #isRemark(text: string): boolean {
    const header = this.#header;
    if (!header?.class.next || this.#inState > 1 || this.#state !== 'head' || header.class.next.test(text))
      return false;
    this.#header = remarkOf(header.match[0]);
    return true;
  }

  #enter(state: 'head' | 'trace' | 'after'): void {
    this.#state = state;
    this.#inState = 0;
  }

  #head(text: string): Outcome {
    const frame = frameOf(text);
    if (frame && NAMES_PLACE.test(this.#previous)) this.#stacks.named(frame.name);
    else if (frame && this.class?.bare) {
      this.#enter('trace');
      return this.#trace(text);
    }
    const pointer = pointerOf(text);
    if (pointer) this.#stacks.pointer(pointer);
    const lockedAt = LOCKED_AT.exec(text)?.[1];
    if (lockedAt) this.#stacks.fallback(plainName(lockedAt));
    if (TRACE_HEAD.test(text)) this.#enter('trace');
    return this.#inState > TO_TRACE ? 'cut' : 'part';
  }

  #trace(text: string): Outcome {
    const frame = frameOf(text);
    if (frame) {
      this.#inState = 0;
      this.#stacks.frame(frame);
      return 'part';
    }
    if (END_TASK.test(text) && !this.#stacks.empty) this.#enter('after');
    if (TRACE_MARK.test(text)) return 'part';
    const trap = this.class?.trap ?? this.class?.extent === 'stall';
    const interrupted = pointerOf(text);
    if (interrupted) this.#stacks.interrupted(interrupted, trap);
    // A trace contains the registers of the code that an interrupt interrupted.
    if (isDump(text) && text.trim() !== '') return 'part';
    if (this.#stacks.empty) return this.#inState > TO_FIRST_FRAME ? 'cut' : 'part';
    this.#enter('after');
    this.#mayResume = !/^\s*$|:$/.test(text) && !isRule(text);
    return this.#after(text);
  }

  #after(text: string): Outcome {
    const extent = this.class?.extent;
    if (this.#mayResume && this.#inState <= IN_TRACE) {
      if (frameOf(text)) {
        this.#enter('trace');
        return this.#trace(text);
      }
      if (extent === 'trace' && !isDump(text)) return 'aside';
    }
    this.#mayResume = false;
    if (extent === 'stall') return this.#nextStack(text);
    if (extent === 'trace') return isDump(text) || TRACE_MARK.test(text) ? 'part' : 'after';
    if (extent === 'ruled' || isDump(text)) return 'part';
    return this.#inState > AFTER_TRACE ? 'cut' : 'part';
  }

  /** The report of a stall has a trace for each CPU and for the grace-period thread. */
  #nextStack(text: string): Outcome {
    if (!STALL_PART.test(text) && !isDump(text) && !frameOf(text)) return 'after';
    const pointer = pointerOf(text);
    if (TRACE_HEAD.test(text) || CPU_TRACE.test(text) || pointer) {
      this.#stacks.next();
      this.#enter(pointer ? 'head' : 'trace');
      if (pointer) this.#stacks.pointer(pointer);
    }
    return 'part';
  }

  /** Title and signature. A report whose header never came has only its opening line to identify it. */
  name(): { title: string; signature: string } {
    const functions = this.#stacks.identifying(this.class?.entry ?? false);
    return titleOf(this.#header, functions, this.#text.first);
  }

  /** The report as printed, with a note of the lines that were left out. */
  text(): string {
    return this.#text.toString();
  }
}
