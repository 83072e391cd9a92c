import type { AttributedComplaint, ScanOptions } from './complaint.ts';

/** Distinct complaints kept; what a kernel says beyond is counted. */
const MAX_FOUND = 200;

/** The complaints of a console: the same one in the same test is kept once and counted. */
export class Found {
  readonly #severity: ScanOptions['severity'];
  readonly #kept = new Map<string, { complaint: AttributedComplaint; times: number }>();
  #newest: AttributedComplaint | undefined;
  #further = { all: 0, fatal: false, line: 0 };

  constructor({ severity }: ScanOptions) {
    this.#severity = severity;
  }

  add(complaint: AttributedComplaint): void {
    const judged = complaint.fatal ? 'fatal' : (this.#severity?.(complaint.kind, complaint.test) ?? 'quote');
    if (judged === 'ignore') return;
    const own = { ...complaint, fatal: judged === 'fatal' };
    const key = JSON.stringify([own.signature, own.test]);
    const known = this.#kept.get(key);
    if (known) known.times++;
    else if (this.#kept.size < MAX_FOUND) this.#kept.set(key, { complaint: own, times: 1 });
    else this.#count(own);
    if (own.fatal) this.#newest = known?.complaint ?? own;
  }

  /** Adds a line to the newest fatal complaint, which it carries out (a panic after an oops); false if there is none. */
  append(raw: string): boolean {
    if (!this.#newest) return false;
    this.#newest.text += `\n${raw}`;
    this.#newest = undefined;
    return true;
  }

  list(): AttributedComplaint[] {
    const all = [...this.#kept.values()].map(({ complaint, times }) =>
      times === 1 ? complaint : { ...complaint, text: `${complaint.text}\n[printed ${times} times in all]` },
    );
    const { all: count, fatal, line } = this.#further;
    if (count > 0) {
      const title = 'further kernel complaints';
      const text = `[${count} more complaints were not kept: the limit is ${MAX_FOUND}]`;
      all.push({ kind: 'further', title, signature: title, text, line, fatal });
    }
    return all.sort((a, b) => a.line - b.line);
  }

  #count(complaint: AttributedComplaint): void {
    this.#further.all++;
    this.#further.fatal ||= complaint.fatal;
    this.#further.line ||= complaint.line;
  }
}
