import { pieces, withoutPrefix } from '../model/printk.ts';
import { withoutAnsi } from './ansi.ts';
import { readLine } from './syntax.ts';

/** What a terminal shows of a line that was overwritten by carriage returns, all versions in order. Empty ones are left out. */
function versionsOf(line: string): string[] {
  if (!line.includes('\r')) return [line];
  const versions = line.split('\r').filter(Boolean);
  return versions.length > 0 ? versions : [''];
}

/**
 * Takes a line of a stream apart into what may be lines of TAP: without colours, without the prefixes of a kernel log, and split
 * where a program's text and that of the kernel came together.
 */
export class LineParts {
  /** A line began with a time stamp: the stream is, or contains, a kernel log. */
  #stamped = false;

  /** The parts of a line, at least one. */
  of(line: string): string[] {
    return versionsOf(line).flatMap((version) => this.#split(withoutAnsi(version)));
  }

  #split(line: string): string[] {
    const { text, stamped } = withoutPrefix(line);
    this.#stamped ||= stamped;
    // printk ends its lines, so that nothing is printed behind them.
    if (stamped || !text.includes('[')) return [text];
    const texts = pieces(line).map((piece) => piece.text);
    return texts.length > 1 && this.#isNamed(texts[0] ?? '') ? [text] : texts;
  }

  /** Whether a time stamp behind a text is part of a test's name: the kernel interrupts a text at its end, which is no blank. */
  #isNamed(before: string): boolean {
    if (readLine(before).kind === 'other') return false;
    return !this.#stamped || !/\w$/.test(before);
  }
}
