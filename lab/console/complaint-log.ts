import type { AttributedComplaint, ScanOptions } from './complaint.ts';

/** Most distinct complaints kept; further ones are counted. */
const MAX_COMPLAINTS = 200;

/** The complaints of a console. Complaints of one signature in the same test are kept once and counted. */
export class ComplaintLog {
  readonly #severity: ScanOptions['severity'];
  /** By signature and test. */
  readonly #kept = new Map<string, { complaint: AttributedComplaint; times: number }>();
  #newestFatal: AttributedComplaint | undefined;
  #further = { count: 0, fatal: false, line: 0 };

  constructor({ severity }: ScanOptions) {
    this.#severity = severity;
  }

  /** First line of the newest fatal complaint that has no consequence yet; below 0 if there is none. */
  get newestFatalLine(): number {
    return this.#newestFatal?.line ?? Number.NEGATIVE_INFINITY;
  }

  add(complaint: AttributedComplaint): void {
    const severity = complaint.fatal
      ? 'fatal'
      : (this.#severity?.(complaint.kind, complaint.test) ?? 'quote');
    if (severity === 'ignore') return;
    const judged = { ...complaint, fatal: severity === 'fatal' };
    const key = JSON.stringify([judged.signature, judged.test]);
    const earlier = this.#kept.get(key);
    if (earlier) earlier.times++;
    else if (this.#kept.size < MAX_COMPLAINTS) this.#kept.set(key, { complaint: judged, times: 1 });
    else this.#count(judged);
    if (judged.fatal) this.#newestFatal = earlier?.complaint ?? judged;
  }

  /** Appends a line to the newest fatal complaint, of which it is the consequence (a panic after an oops); false if there is none. */
  append(raw: string): boolean {
    if (!this.#newestFatal) return false;
    this.#newestFatal.text += `\n${raw}`;
    this.#newestFatal = undefined;
    return true;
  }

  /** All complaints by line, and one for those that were not kept. */
  list(): AttributedComplaint[] {
    const all = [...this.#kept.values()].map(({ complaint, times }) =>
      times === 1 ? complaint : { ...complaint, text: `${complaint.text}\n[printed ${times} times in all]` },
    );
    const { count, fatal, line } = this.#further;
    if (count > 0) {
      const title = 'further kernel complaints';
      const text = `[${count} more complaints were not kept: the limit is ${MAX_COMPLAINTS}]`;
      all.push({ kind: 'further', title, signature: title, text, line, fatal });
    }
    return all.sort((a, b) => a.line - b.line);
  }

  #count(complaint: AttributedComplaint): void {
    this.#further.count++;
    this.#further.fatal ||= complaint.fatal;
    this.#further.line ||= complaint.line;
  }
}
