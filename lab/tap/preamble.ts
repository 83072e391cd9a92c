import { readLine, type TapLine } from './syntax.ts';

/** Most lines that wait; results that are followed by so many lines without a plan are taken for results. */
const MAX_LINES = 1000;

/** Results without a number that are hardly prose: `ok`, `ok - name`, and of failures any. */
const PLAIN = /^\s*(?:not ok\b|ok(?:\s*$|\s+-\s))/;
/** The same before a version line, with which a stream begins: a program may have printed a bare `ok`. */
const PLAIN_FAILURE = /^\s*not ok(?:\s*$|\s+-\s)/;

const ANY = /^/;

const isUnnumbered = (line: TapLine) => line.kind === 'point' && line.number === undefined && !line.commented;

/**
 * The lines before it is clear that a stream is TAP. A result without a number and before any version may be prose: `ok so far` on a
 * console. What follows decides: a plan or a numbered result makes it a result, a version line makes it prose.
 */
export class Preamble {
  #waiting: string[] = [];
  /** It is clear: lines need not be passed through here any more. */
  isOver = false;

  /** Takes a line; returns those that can be read now, in order. */
  take(text: string): string[] {
    const line = readLine(text);
    if (line.kind === 'version' && !line.commented) return [...this.#endWith(PLAIN_FAILURE), text];
    const isTap =
      line.kind !== 'other' && line.kind !== 'comment' && line.kind !== 'open' && line.kind !== 'close';
    if (isTap && !line.commented && !isUnnumbered(line)) return [...this.#endWith(ANY), text];
    if (this.#waiting.length === 0 && !isUnnumbered(line)) return [text];
    this.#waiting.push(text);
    return this.#waiting.length < MAX_LINES ? [] : this.end();
  }

  /** Nothing comes that would show what the waiting lines are. Returns them without what may be prose. */
  end(): string[] {
    return this.#endWith(PLAIN);
  }

  #endWith(results: RegExp): string[] {
    this.isOver = true;
    return this.#waiting.splice(0).filter((text) => !isUnnumbered(readLine(text)) || results.test(text));
  }
}
