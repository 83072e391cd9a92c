import { LineSplitter } from '../core/lines.ts';
import { type Piece, pieces } from '../model/printk.ts';
import { type Classified, classify } from './classes.ts';
import type { AttributedComplaint, ScanOptions } from './complaint.ts';
import { Found } from './found.ts';
import { markerOf } from './marker.ts';
import { isRule, OpenReport } from './report.ts';

/** Lines that open a report whose kind only a later line says. */
const OPENER = /^(?:-+\[ cut here \]-+|DMAR: DRHD: handling fault)/;
/** An opener without a header within so many lines was all that came. */
const TO_HEADER = 15;
/** Panics that only carry out what a report before them said. */
const AFTERMATH =
  /^Kernel panic - not syncing: (?:Fatal exception|(?:\S+: )?panic_on_warn|hung_task:|softlockup:|RCU Stall)/;
const OVERTAKEN = 'another report began within this one';

/**
 * Finds what a kernel printed about its own troubles. Lines of different tasks and CPUs are told apart where the kernel names
 * the caller, so reports that were printed at the same time come out whole.
 */
export class ComplaintScanner {
  readonly #splitter = new LineSplitter((line) => this.#line(line));
  readonly #found: Found;
  /** Reports being read, and rules of `=` just seen, by caller. */
  readonly #open = new Map<string, OpenReport>();
  readonly #rules = new Map<string, { line: number; raw: string }>();
  #number = 0;
  #boots = { loader: 0, kernel: 0 };
  #running: string | undefined;

  constructor(options: ScanOptions = {}) {
    this.#found = new Found(options);
  }

  /** The test that has begun and not ended at this point of the console. */
  get running(): string | undefined {
    return this.#running;
  }

  write(chunk: Uint8Array): void {
    this.#splitter.write(chunk);
  }

  /** Closes what is open, cut off as it is, and gives every complaint in the order of the console. */
  end(): AttributedComplaint[] {
    this.#splitter.end();
    this.#closeAll('the console ended within this report');
    return this.#found.list();
  }

  #line(raw: string): void {
    this.#number++;
    for (const piece of pieces(raw)) this.#piece(piece, raw);
  }

  #piece({ text, caller = '' }: Piece, raw: string): void {
    const marker = markerOf(text);
    if (marker) {
      this.#running = marker.word === 'begin' ? marker.name : undefined;
      return;
    }
    this.#boot(text, raw);
    const rule = this.#rules.get(caller);
    const opening = rule && this.#number - rule.line <= 2 ? rule : undefined;
    const header = classify(text, opening !== undefined);
    if (header) this.#header(caller, header, raw, opening);
    else if (OPENER.test(text)) this.#begin(caller, raw);
    else this.#continue(caller, text, raw);
    if (isRule(text)) this.#rules.set(caller, { line: this.#number, raw });
  }

  #header(
    caller: string,
    { found, match }: Classified,
    raw: string,
    rule?: { line: number; raw: string },
  ): void {
    const open = this.#open.get(caller);
    if (open?.class?.announces?.includes(found.kind) || (open && AFTERMATH.test(match[0]))) {
      open.keep(raw);
      return;
    }
    if (AFTERMATH.test(match[0]) && this.#found.append(raw)) return;
    if (open && !open.class) {
      open.header(found, match);
      open.keep(raw);
      if (found.extent === 'line') this.#close(caller);
      return;
    }
    const alone = found.extent === 'line';
    // A device's one line does not end the report that it fell into.
    const report = alone
      ? new OpenReport(this.#number, this.#running)
      : this.#begin(caller, rule?.raw, rule?.line);
    report.header(found, match);
    report.keep(raw);
    if (alone) this.#add(report);
  }

  /** Opens a report, closing the one that the caller was in. */
  #begin(caller: string, raw?: string, line = this.#number): OpenReport {
    this.#close(caller, OVERTAKEN);
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
    const took = open.take(text);
    if (took === 'mine' || took === 'last') open.keep(raw);
    if (took === 'last' || took === 'over') this.#close(caller);
    if (took === 'cut') this.#close(caller, 'its end did not come');
  }

  /** A kernel that starts a second time was reset behind the lab's back. */
  #boot(text: string, raw: string): void {
    const loader = text.startsWith('Booting the kernel.');
    if (!loader && !/^Linux version \d/.test(text)) return;
    const count = loader ? ++this.#boots.loader : ++this.#boots.kernel;
    // A compressed kernel announces itself twice at each start; the later line is no second reset.
    if (count === 1 || (!loader && count <= this.#boots.loader)) return;
    this.#closeAll('the kernel was reset');
    const title = 'unexpected reboot';
    const place = { line: this.#number, ...(this.#running === undefined ? {} : { test: this.#running }) };
    this.#found.add({ kind: 'reboot', title, signature: title, text: raw, fatal: true, ...place });
  }

  #closeAll(why: string): void {
    for (const caller of [...this.#open.keys()]) this.#close(caller, why);
  }

  #close(caller: string, why?: string): void {
    const report = this.#open.get(caller);
    if (!report) return;
    this.#open.delete(caller);
    if (why && !report.complete) report.note(`[report cut off: ${why}]`);
    this.#add(report);
  }

  #add(report: OpenReport): void {
    const level = report.class?.level ?? 'bug';
    if (level === 'none') return;
    const { line, test } = report;
    this.#found.add({
      ...report.name(),
      kind: report.class?.kind ?? 'cut-off',
      text: report.text(),
      line,
      fatal: level === 'bug',
      ...(test === undefined ? {} : { test }),
    });
  }
}
