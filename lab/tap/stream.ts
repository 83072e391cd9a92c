import { LineSplitter } from '../core/lines.ts';
import { pieces } from '../model/printk.ts';
import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import { Collector } from './collect.ts';
import { type Ending, endFlaw, endOf } from './ending.ts';
import { countPoint, type Frame } from './frame.ts';
import { Nesting } from './nesting.ts';
import { addYaml, readPoint } from './point.ts';
import { readLine, type TapLine } from './syntax.ts';
import { YamlBlock } from './yaml.ts';

export interface TapOptions {
  /** Called with each leaf when it is complete and its full name is known. */
  onTest?: (result: TestResult) => void;
  /** Called with every line as received (without `\r`, cut at `maxLineBytes`). */
  onLine?: (line: string) => void;
  maxLineBytes?: number;
  maxTests?: number;
}

/** Comment lines kept before one result; later ones push older ones out. */
const MAX_COMMENTS = 100;

interface Last {
  result: TestResult;
  frame: Frame;
  /** It is no leaf. */
  mute: boolean;
  /** Its YAML block has been read, so that the comments after it are its own. */
  closed: boolean;
}

/**
 * Reads a stream of TAP 13/14 or KTAP in any of its nestings, console text in between, and gives its leaves. A parent's own
 * line becomes a result only where it says more than its leaves do.
 */
export class TapStream {
  readonly #splitter: LineSplitter;
  readonly #collector: Collector;
  readonly #nesting: Nesting;
  /** The newest result, held back until no YAML can follow. */
  #last: Last | undefined;
  #yaml: YamlBlock | undefined;
  #ended = false;
  #cutOff = false;

  constructor(options: TapOptions = {}) {
    this.#collector = new Collector(options.onTest, options.maxTests);
    this.#nesting = new Nesting((result) => this.#collector.add(result));
    const take = (line: string, whole: boolean) => {
      options.onLine?.(line);
      // Half a line says something else than the whole: `1..1` of `1..10`, `ok 2` of `ok 2 # SKIP`.
      if (!whole && this.#cutOff) return;
      for (const piece of pieces(line)) this.#line(piece.text);
    };
    this.#splitter = new LineSplitter(take, options.maxLineBytes);
  }

  write(chunk: Uint8Array): void {
    this.#splitter.write(chunk);
  }

  /** Ends the stream. Tests that were planned and gave no result are `lost`, or what `ending` makes of the first of them. */
  end(ending: Ending): TestResult[] {
    if (this.#ended) throw new Error('TapStream.end was called twice');
    this.#ended = true;
    const stop = endOf(ending);
    this.#cutOff = stop.abnormal;
    this.#splitter.end();
    this.#endYaml();
    this.#flush();
    const { running } = ending;
    if (running !== undefined && !this.#collector.has(running)) {
      stop.told = true;
      this.#nesting.claim();
      this.#collector.add({
        name: running,
        verdict: stop.verdict,
        reason: `was running when ${stop.reason}`,
      });
    }
    this.#nesting.closeAll(stop);
    for (const flaw of endFlaw(stop, this.#collector.bad)) this.#collector.add(flaw);
    this.#collector.close();
    return this.#collector.results;
  }

  #line(text: string): void {
    const line = readLine(text);
    if (this.#yaml) {
      const took = this.#yaml.take(text, line);
      if (took === 'taken') return;
      this.#endYaml();
      if (took === 'end') return;
    }
    if (line.kind === 'comment') this.#comment(line.text);
    else if (line.kind === 'other') this.#other(line, line.text);
    else if (this.#counts(line)) this.#tap(line);
    else if (line.commented) this.#comment(text.replace(/^\s*# ?/, ''));
  }

  /** Is it TAP here? A bare `ok` on a console and a result inside a comment are so only where the dialect has them. */
  #counts(line: TapLine): boolean {
    const { dialect, commented } = this.#nesting.top;
    if (line.commented && !commented && line.kind !== 'version') {
      if (line.kind !== 'plan' || dialect === 'tap14') return false;
    }
    if (line.kind !== 'point' || line.number !== undefined) return true;
    return dialect === 'tap13' || dialect === 'tap14';
  }

  #tap(line: TapLine): void {
    if (line.kind === 'point') {
      this.#point(line);
      return;
    }
    this.#flush();
    if (line.kind === 'version') this.#nesting.version(line, line.dialect);
    else if (line.kind === 'subtest') this.#nesting.subtest(line, line.name);
    else if (line.kind === 'bail') this.#nesting.enter(line).bail ??= line.reason;
    else if (line.kind === 'plan') {
      const { count, skip } = line;
      this.#nesting.enter(line).plan ??= { count, ...(skip === undefined ? {} : { skip }) };
    }
  }

  #point(line: TapLine & { kind: 'point' }): void {
    if (this.#last && (line.ok || this.#last.closed)) this.#explain(this.#last);
    this.#flush();
    const frame = this.#nesting.enter(line);
    const result = readPoint(line, countPoint(frame, line.number), frame.dialect);
    const mute = !this.#nesting.summarise(frame, result);
    frame.nextName = undefined;
    this.#last = { result, frame, mute, closed: false };
    this.#takeComments(result, frame);
  }

  /** In TAP a failure is explained by the comments after it, in KTAP by those before it. */
  #explain({ result, frame, closed }: Last): void {
    if (frame.dialect === 'ktap') return;
    if (closed) {
      const notes = frame.comments.splice(0).join('\n').trim();
      if (notes && result.verdict !== 'pass')
        result.detail = [result.detail, notes].filter(Boolean).join('\n');
    } else if (isFailure(result.verdict) && result.detail === undefined) {
      this.#takeComments(result, frame);
    }
  }

  #takeComments(result: TestResult, frame: Frame): void {
    const text = frame.comments.splice(0).join('\n').trim();
    if (text && result.verdict !== 'pass') result.detail ??= text;
  }

  #comment(text: string): void {
    const { comments } = this.#nesting.top;
    comments.push(text);
    if (comments.length > MAX_COMMENTS) comments.shift();
  }

  #other(line: TapLine, text: string): void {
    if (text !== '---' || !this.#last || line.column <= this.#last.frame.column) return;
    this.#yaml = new YamlBlock(line.column);
  }

  #endYaml(): void {
    const text = this.#yaml?.text();
    this.#yaml = undefined;
    if (!this.#last || text === undefined) return;
    this.#last.closed = true;
    if (text) addYaml(this.#last.result, text);
  }

  #flush(): void {
    const last = this.#last;
    this.#last = undefined;
    if (!last || last.mute) return;
    this.#explain(last);
    this.#nesting.deliver(last.frame, last.result);
  }
}
