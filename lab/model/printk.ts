/** Part of a console line that one task or CPU wrote, without printk's prefix. */
export interface Piece {
  text: string;
  /** `T123` (task) or `C0` (interrupt context of a CPU), with CONFIG_PRINTK_CALLER. */
  caller?: string;
  /** Seconds since the kernel started, of a piece with a time stamp: the kernel printed it. */
  seconds?: number;
}

const STAMP = /(?:<\d{1,3}>)?\[ {0,5}(\d{1,7}\.\d{6})\](?: ?\[ *([TC]\d+)\])? ?/g;
const CALLER_ONLY = /^(?:<\d{1,3}>)? ?\[ *([TC]\d+)\] ?/;
const LEVEL_ONLY = /^<\d{1,3}>/;
const DROPPED = /^\*\* \d+ printk messages dropped \*\* ?/;

/**
 * Splits a line into its pieces and removes printk's prefix from each. A line has several where kernel text was printed behind
 * text without a newline (a login prompt, half a test result): each time stamp begins a new piece.
 */
export function pieces(line: string): Piece[] {
  const clean = line.replace(DROPPED, '');
  // Most lines of a TAP stream have no stamp, and this test is cheap.
  if (!clean.includes('[')) return [{ text: clean.replace(LEVEL_ONLY, '') }];
  const split: Piece[] = [];
  let from = 0;
  for (const match of clean.matchAll(STAMP)) {
    const before = clean.slice(from, match.index);
    const last = split.at(-1);
    if (last) last.text = before;
    else if (before.trim() !== '') split.push({ text: before });
    const [, seconds, caller] = match;
    split.push({ text: '', seconds: Number(seconds), ...(caller === undefined ? {} : { caller }) });
    from = match.index + match[0].length;
  }
  const last = split.at(-1);
  if (last) last.text = clean.slice(from);
  else split.push(withoutStamp(clean));
  return split;
}

/** A line without printk's prefix, and whether that had a time stamp. Stamps further right stay: they are part of the text. */
export function withoutPrefix(line: string): { text: string; stamped: boolean } {
  const clean = line.replace(DROPPED, '');
  const [stamp] = clean.matchAll(STAMP);
  if (stamp?.index === 0) return { text: clean.slice(stamp[0].length), stamped: true };
  return { text: withoutStamp(clean).text, stamped: false };
}

function withoutStamp(line: string): Piece {
  const match = CALLER_ONLY.exec(line);
  if (!match?.[1]) return { text: line.replace(LEVEL_ONLY, '') };
  return { text: line.slice(match[0].length), caller: match[1] };
}
