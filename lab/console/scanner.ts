import { LineSplitter } from '../core/lines.ts';
import { type Piece, pieces } from '../model/printk.ts';
import { classify, type Header } from './classify.ts';
import type { AttributedComplaint, ScanOptions } from './complaint.ts';
import { ComplaintLog } from './complaint-log.ts';
import { markerOf } from './marker.ts';
import { OpenReport } from './report.ts';
import { isRule } from './syntax.ts';

/** Lines that open a report whose header comes later. */
const OPENER = /^(?:-+\[ cut here \]-+|8<-+ cut here -+|DMAR: DRHD: handling fault)/;
/** Seconds from which a time stamp shows that the kernel has been running before a start is announced. */
const RUNS_AFTER = 1;
/** Most lines from an opener to its header; with more the report has no header. */
const TO_HEADER = 15;
/** Most reports that are read at the same time, each from another task or CPU. */
const MAX_OPEN = 256;
/** Lines within which a report came just before a panic: its trace and registers. */
const JUST_BEFORE = 150;
/** Panics that are only the consequence of the report before them. */
const AFTERMATH =
  /^Kernel panic - not syncing: (?:.*\b(?:Fatal exception|panic_on_\w+ set)|hung_task:|softlockup:|RCU Stall|Hard LOCKUP|Machine halted|kernel stack overflow)/i;
/** Panics that are the consequence of a report if one came just before. */
const LIKELY_AFTERMATH = /^Kernel panic - not syncing: (?:Attempted to kill|Aiee, killing)/;

/**
 * Finds the complaints in a console log. Where the kernel prints the caller of each line (CONFIG_PRINTK_CALLER), reports that tasks
 * and CPUs printed at the same time are separated.
 *
 * @example
 * const scanner = new ComplaintScanner();
 * scanner.write(await readFile('console.log'));
 * const fatal = scanner.end().filter((complaint) => complaint.fatal);
 */
export class ComplaintScanner {
  readonly #splitter = new LineSplitter((line) => this.#line(line));
  readonly #log: ComplaintLog;
  readonly #onFatal: ScanOptions['onFatal'];
  /** Reports that are being read, and the latest rule of `=`, by caller. */
  readonly #open = new Map<string, OpenReport>();
  readonly #rules = new Map<string, { line: number; raw: string }>();
  #lineNumber = 0;
  /** Whether the kernel printed something since its start, or before the first one that was seen. */
  #ran = false;
  /** How often the boot loader and the kernel announced themselves. */
  #boots = { loader: 0, kernel: 0 };
  #running: string | undefined;

  constructor(options: ScanOptions = {}) {
    this.#log = new ComplaintLog(options);
    this.#onFatal = options.onFatal;
  }

  /** The test that has begun and not ended at this point of the console. */
  get running(): string | undefined {
    return this.#running;
  }

  /** Takes the next bytes of the console, cut anywhere. */
  write(chunk: Uint8Array): void {
    this.#splitter.write(chunk);
  }

  /** Ends the reports that are being read, as cut off, and returns every complaint in the order of the console. */
  end(): AttributedComplaint[] {
    this.#splitter.end();
    this.#closeAll('the console ended within this report');
    return this.#log.list();
  }

  #line(raw: string): void {
    this.#lineNumber++;
    for (const piece of pieces(raw)) this.#piece(piece, raw);
  }

  #piece(piece: Piece, raw: string): void {
    const { text, seconds } = piece;
    // What has no stamp was printed by a program, or without CONFIG_PRINTK_TIME by the kernel: it is no part of what has a stamp.
    const caller = piece.caller ?? (seconds === undefined ? 'console' : 'kernel');
    const marker = markerOf(text);
    if (marker) {
      if (marker.event === 'end') this.#tellOpen();
      this.#running = marker.event === 'begin' ? marker.name : undefined;
      return;
    }
    this.#boot(piece, raw);
    const rule = this.#rules.get(caller);
    const opening = rule && this.#lineNumber - rule.line <= 2 ? rule : undefined;
    const open = this.#open.get(caller);
    const header = classify(text, {
      rule: opening !== undefined,
      cutHere: open !== undefined && open.class === undefined,
    });
    if (header) this.#header(caller, header, raw, opening);
    else if (OPENER.test(text) && !open?.announces) this.#begin(caller, raw);
    else this.#continue(caller, text, raw);
    if (!isRule(text)) return;
    if (this.#rules.size >= MAX_OPEN) this.#rules.clear();
    this.#rules.set(caller, { line: this.#lineNumber, raw });
  }

  #header(caller: string, header: Header, raw: string, rule?: { line: number; raw: string }): void {
    const { extent } = header.class;
    const open = this.#open.get(caller);
    const isAftermath = this.#isAftermath(header.match[0]);
    if (open && (isAftermath || open.join(header))) {
      open.keep(raw);
      if (open.class?.extent === 'line') this.#close(caller);
      return;
    }
    if (isAftermath && this.#log.append(raw)) return;
    // A single line does not end the report that it is printed into.
    const report =
      extent === 'line'
        ? new OpenReport(this.#lineNumber, this.#running)
        : this.#begin(caller, rule?.raw, rule?.line);
    report.setHeader(header);
    report.keep(raw);
    if (extent === 'line') this.#add(report);
  }

  /** Whether a panic is the consequence of the report before it. */
  #isAftermath(text: string): boolean {
    return (
      AFTERMATH.test(text) ||
      (LIKELY_AFTERMATH.test(text) && this.#log.newestFatalLine > this.#lineNumber - JUST_BEFORE)
    );
  }

  /** Opens a report; ends the one that the caller was printing. */
  #begin(caller: string, raw?: string, line = this.#lineNumber): OpenReport {
    this.#close(caller, 'another report began within this one');
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= MAX_OPEN) this.#close(oldest, 'too many at the same time');
    const report = new OpenReport(line, this.#running);
    if (raw !== undefined) report.keep(raw);
    this.#open.set(caller, report);
    return report;
  }

  #continue(caller: string, text: string, raw: string): void {
    const open = this.#open.get(caller);
    if (!open) return;
    if (!open.class) {
      open.keep(raw);
      if (open.length > TO_HEADER) this.#close(caller, 'no header came');
      return;
    }
    const outcome = open.take(text);
    if (outcome === 'part' || outcome === 'last') open.keep(raw);
    if (outcome === 'last' || outcome === 'after') this.#close(caller);
    if (outcome === 'cut') this.#close(caller, 'its end did not come');
  }

  /** Reports a kernel that starts a second time: the machine was reset without the lab's doing. */
  #boot({ text, seconds }: Piece, raw: string): void {
    const loader = text.startsWith('Booting the kernel.');
    if (!loader && !/^Linux version \d/.test(text)) {
      if ((seconds ?? 0) >= RUNS_AFTER) this.#ran = true;
      return;
    }
    // A program may print /proc/version, without a stamp.
    const ran = this.#ran && (loader || seconds !== undefined);
    this.#ran = false;
    const count = loader ? ++this.#boots.loader : ++this.#boots.kernel;
    // A compressed kernel prints both lines at each start: the second line is no second reset.
    if (!ran && (count === 1 || (!loader && count <= this.#boots.loader))) return;
    this.#closeAll('the kernel was reset');
    const title = 'unexpected reboot';
    const place = { line: this.#lineNumber, ...(this.#running === undefined ? {} : { test: this.#running }) };
    this.#log.add({ kind: 'reboot', title, signature: title, text: raw, fatal: true, ...place });
  }

  #closeAll(cutOff: string): void {
    for (const caller of [...this.#open.keys()]) this.#close(caller, cutOff);
  }

  /** Ends a caller's report. `cutOff`: why its rest did not come. */
  #close(caller: string, cutOff?: string): void {
    const report = this.#open.get(caller);
    if (!report) return;
    this.#open.delete(caller);
    report.end();
    if (cutOff && !report.complete) report.note(`[report cut off: ${cutOff}]`);
    this.#add(report);
  }

  /** Tells of the fatal reports that are still being read. */
  #tellOpen(): void {
    for (const report of this.#open.values())
      if (report.class?.level === 'bug') this.#onFatal?.(complaintOf(report));
  }

  #add(report: OpenReport): void {
    const level = report.class?.level ?? 'bug';
    if (level === 'none') return;
    const complaint = complaintOf(report);
    this.#log.add(complaint);
    if (complaint.fatal) this.#onFatal?.(complaint);
  }
}

/** A report without a header counts as one of a bug. */
function complaintOf(report: OpenReport): AttributedComplaint {
  const { line, test } = report;
  return {
    ...report.name(),
    kind: report.kind ?? 'cut-off',
    text: report.text(),
    line,
    fatal: (report.class?.level ?? 'bug') === 'bug',
    ...(test === undefined ? {} : { test }),
  };
}
