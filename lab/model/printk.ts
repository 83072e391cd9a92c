/** A piece of a line as one writer wrote it, without what printk puts before it. */
export interface Piece {
  text: string;
  /** Seconds since boot, if the kernel stamped the line. */
  seconds?: number;
  /** `T123` (task) or `C0` (interrupt context of a CPU), with CONFIG_PRINTK_CALLER. */
  caller?: string;
}

const STAMP = /(?:<\d{1,3}>)?\[ {0,5}(\d{1,7}\.\d{6})\](?: ?\[ *([TC]\d+)\])? ?/g;
const CALLER_ONLY = /^(?:<\d{1,3}>)? ?\[ *([TC]\d+)\] ?/;
const LEVEL_ONLY = /^<\d{1,3}>/;
const DROPPED = /^\*\* \d+ printk messages dropped \*\* ?/;

/**
 * The pieces of one line: printk's prefix taken off, and a line that got kernel text glued to it (a login prompt, a test
 * result without its newline yet) taken apart where the time stamp stands.
 */
export function pieces(line: string): Piece[] {
  const clean = line.replace(DROPPED, '');
  // Cheap test first: most lines of a TAP stream have no stamp.
  if (!clean.includes('[')) return [{ text: clean.replace(LEVEL_ONLY, '') }];
  const found: Piece[] = [];
  let from = 0;
  for (const match of clean.matchAll(STAMP)) {
    const before = clean.slice(from, match.index);
    const last = found.at(-1);
    if (last) last.text = before;
    else if (before.trim() !== '') found.push({ text: before });
    found.push({
      text: '',
      seconds: Number(match[1]),
      ...(match[2] === undefined ? {} : { caller: match[2] }),
    });
    from = match.index + match[0].length;
  }
  const last = found.at(-1);
  if (last) last.text = clean.slice(from);
  else found.push(withoutStamp(clean));
  return found;
}

function withoutStamp(line: string): Piece {
  const match = CALLER_ONLY.exec(line);
  if (!match?.[1]) return { text: line.replace(LEVEL_ONLY, '') };
  return { text: line.slice(match[0].length), caller: match[1] };
}
