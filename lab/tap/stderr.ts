import { LineSplitter } from '../core/lines.ts';

/** Most characters kept of the text between two chunks of standard output, and of one result's text; of more the end is kept. */
const MAX_TEXT = 8 << 10;
/** Most characters kept for all results together. */
const MAX_TOTAL = 1 << 20;
/** Most failed results that share a text. */
const MAX_SHARING = 100;
/** Bytes kept of one line. */
const MAX_LINE = 2000;

/** A line of kselftest_harness.h names its test: `# t.c:7:read_back:Expected 3 (3) == n (5)`. */
const HARNESS = /^#?\s*[^\s:]+:\d+:([\w.]+):/;

/** A failed result: the number of its line among all result lines, and its name. */
interface FailedPoint {
  number: number;
  name: string;
}

/** Lines of standard error that arrived after one chunk of standard output, before the next. */
interface Batch {
  /** Result lines before that chunk, and after it. */
  since: number;
  until: number;
  lines: string[];
  chars: number;
}

/** Adds a line; of more than the limit the oldest go. */
function keep(batch: Batch, line: string): void {
  batch.lines.push(line);
  batch.chars += line.length + 1;
  while (batch.chars > MAX_TEXT && batch.lines.length > 1)
    batch.chars -= (batch.lines.shift()?.length ?? 0) + 1;
}

/** A batch with the failed results that it may belong to. */
type Decided = Pick<Batch, 'since' | 'lines'> & { failed: FailedPoint[] };

/** `reset` for `ring.reset` and `outer > reset`: the harness prints only the last part. */
const shortName = (name: string) => name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf(' ')) + 1);

/**
 * Standard error of a suite, and which failed results each of its lines explains. It comes over another stream than the results, and
 * sshd reads standard output first when both are ready, so that a text may arrive behind a chunk of results that followed it; a
 * program that buffers standard output prints a chunk of results behind their texts. A text therefore belongs to a result of the
 * chunk before it, of the chunk after it, or to the last one before both (Test::More explains afterwards). All of these that failed
 * get it, less those that have a text already.
 */
export class StderrLog {
  readonly #splitter = new LineSplitter((line) => this.#line(line), MAX_LINE);
  #points = 0;
  /** Result lines before the newest chunk of standard output. */
  #chunkSince = 0;
  #open: Batch | undefined;
  /** Batches after which no chunk with results has ended yet. */
  #undecided: Batch[] = [];
  #decided: Decided[] = [];
  #failed: FailedPoint[] = [];
  readonly #known = new Map<number, string[]>();
  #total = 0;

  /** Takes the next bytes of standard error, cut anywhere. */
  write(chunk: Uint8Array): void {
    this.#splitter.write(chunk);
  }

  /** A chunk of standard output begins. */
  beginOutput(): void {
    const points = this.#points;
    const isDecided = ({ until }: Batch) => until < points;
    for (const batch of this.#undecided.filter(isDecided)) this.#decide(batch);
    this.#undecided = this.#undecided.filter((batch) => !isDecided(batch));
    this.#close();
    this.#chunkSince = points;
  }

  /** A result line has been read; `failedName` is its name if it failed. Returns its number. */
  point(failedName?: string): number {
    const number = ++this.#points;
    if (failedName !== undefined) this.#failed.push({ number, name: failedName });
    if (this.#failed.length > 2 * MAX_SHARING) this.#failed.splice(0, MAX_SHARING);
    return number;
  }

  /** Adds a text that is known to belong to results, by the numbers of their lines. */
  explain(points: readonly number[], text: string): void {
    const kept = text.slice(-MAX_TEXT);
    if (this.#total + kept.length * points.length > MAX_TOTAL) return;
    this.#total += kept.length * points.length;
    for (const number of points) this.#known.set(number, kept.split('\n'));
  }

  /** Ends the stream. Returns what came since the last results, or with them: at most 8 Ki characters. */
  tail(): string {
    this.#splitter.end();
    return [...this.#undecided, ...(this.#open ? [this.#open] : [])]
      .flatMap(({ lines }) => lines)
      .join('\n')
      .slice(-MAX_TEXT);
  }

  /** After the last result: the text of each failed result that has one, by the number of its line. */
  texts(): Map<number, string> {
    this.#close();
    for (const batch of this.#undecided.splice(0)) this.#decide(batch);
    const texts = new Map(this.#known);
    for (const batch of this.#decided) attribute(batch, texts);
    return new Map([...texts].map(([number, lines]) => [number, lines.join('\n').slice(-MAX_TEXT)]));
  }

  /** No more lines belong to the open batch. */
  #close(): void {
    const batch = this.#open;
    const last = this.#undecided.at(-1);
    this.#open = undefined;
    if (batch && last?.until === batch.until) for (const line of batch.lines) keep(last, line);
    else if (batch) this.#undecided.push(batch);
  }

  #line(line: string): void {
    this.#open ??= { since: this.#chunkSince, until: this.#points, lines: [], chars: 0 };
    keep(this.#open, line);
  }

  #decide({ since, lines, chars }: Batch): void {
    const failed = this.#failed.filter(({ number }) => number >= since);
    if (failed.length === 0 || this.#total + chars > MAX_TOTAL) return;
    this.#total += chars;
    this.#decided.push({ since, lines, failed: failed.slice(-MAX_SHARING) });
  }
}

/** The results that a line's name stands for; undefined for a line without a name of that form. */
function ownersOf(line: string, failed: readonly FailedPoint[]): FailedPoint[] | undefined {
  const named = HARNESS.exec(line)?.[1];
  return named === undefined ? undefined : failed.filter(({ name }) => shortName(name) === shortName(named));
}

/** Adds the lines of a batch to the texts of the results that they explain. */
function attribute({ since, lines, failed }: Decided, texts: Map<number, string[]>): void {
  const hasText = ({ number }: FailedPoint) => texts.has(number);
  // A result of an earlier chunk that is explained needs no more.
  const nearby = failed.filter((point) => point.number !== since || !hasText(point));
  const unexplained = nearby.filter((point) => !hasText(point));
  let owners = unexplained.length > 0 ? unexplained : nearby;
  // `t.c:7: got: 3` has the form too: only a name of a failed result shows that the lines name tests. Lines of other tests explain
  // none, and what follows a name without one is its continuation.
  const isHarness = lines.some((line) => ownersOf(line, failed)?.length);
  for (const line of lines) {
    if (isHarness) owners = ownersOf(line, failed) ?? owners;
    for (const { number } of owners) {
      const text = texts.get(number);
      if (text) text.push(line);
      else texts.set(number, [line]);
    }
  }
}
