import { type HeaderBlock, headerText, readHeaders } from './headers.ts';
import { MAX_MIME_PARTS, MAX_NESTING, MAX_PARTS } from './limits.ts';
import { readParameters } from './parameters.ts';
import { decodeTransfer } from './transfer.ts';

/** What the messages of an import may still have together, forwarded messages inside them included. */
export interface MimeBudget {
  parts: number;
}

/** The budget of a new import. */
export const newBudget = (): MimeBudget => ({ parts: MAX_MIME_PARTS });

/** A part of a message that has no parts itself, its transfer encoding undone. */
export interface Part {
  /** Lower-case media type; `text/plain` where none is given. */
  type: string;
  charset: string;
  /** `format=flowed` (RFC 3676): lines that end in a blank are joined; `delSp`: without that blank. */
  flowed: boolean;
  delSp: boolean;
  fileName?: string;
  /** Whether the message consists of this part alone. */
  whole: boolean;
  /** Whether an alternative form of the same text precedes it. */
  alternative: boolean;
  bytes: Buffer;
}

/** A message: its headers and its parts in order. */
export interface Message {
  headers: HeaderBlock['values'];
  parts: Part[];
}

/** The texts between the lines of a boundary, in order; what precedes the first line and follows the closing one is left out. */
function splitParts(body: string, boundary: string): string[] {
  const text = `\n${body}`;
  const mark = `\n--${boundary}`;
  const parts: string[] = [];
  let start = -1;
  for (let at = text.indexOf(mark); at >= 0 && parts.length <= MAX_PARTS; at = text.indexOf(mark, at + 1)) {
    const end = text.indexOf('\n', at + 1);
    const rest = text.slice(at + mark.length, end < 0 ? undefined : end).trimEnd();
    if (rest !== '' && rest !== '--') continue;
    if (start >= 0) parts.push(text.slice(start, at));
    start = end < 0 ? text.length : end + 1;
    if (rest === '--') return parts;
  }
  return start < 0 ? parts : [...parts, text.slice(start)];
}

interface Place {
  depth: number;
  alternative: boolean;
  budget: MimeBudget;
  /** Parts of the message so far. */
  parts: Part[];
}

function leaf({ values, body }: HeaderBlock, text: string, { depth, alternative }: Place): Part {
  const { type, parameters } = readParameters(values.get('content-type') ?? '');
  const disposition = readParameters(values.get('content-disposition') ?? '');
  const name = disposition.parameters.get('filename') ?? parameters.get('name');
  return {
    type: type || 'text/plain',
    charset: (parameters.get('charset') ?? '').trim(),
    flowed: parameters.get('format')?.toLowerCase() === 'flowed',
    delSp: parameters.get('delsp')?.toLowerCase() === 'yes',
    ...(name === undefined ? {} : { fileName: headerText(name) }),
    whole: depth === 0,
    alternative,
    bytes: decodeTransfer(text.slice(body), values.get('content-transfer-encoding') ?? ''),
  };
}

/** Adds the parts of an entity, which is a message or a part with its headers. */
function addParts(block: HeaderBlock, text: string, place: Place): void {
  const { type, parameters } = readParameters(block.values.get('content-type') ?? '');
  const boundary = parameters.get('boundary');
  if (!type.startsWith('multipart/') || !boundary) {
    place.parts.push(leaf(block, text, place));
    return;
  }
  if (place.depth >= MAX_NESTING) throw new Error(`its MIME parts are nested more than ${MAX_NESTING} deep`);
  const inner = splitParts(text.slice(block.body), boundary.trimEnd());
  place.budget.parts -= inner.length;
  if (inner.length + place.parts.length > MAX_PARTS)
    throw new Error(`it has more than ${MAX_PARTS} MIME parts`);
  if (place.budget.parts < 0)
    throw new Error(`with the messages before it more than ${MAX_MIME_PARTS} MIME parts`);
  for (const [index, part] of inner.entries()) {
    const alternative = type === 'multipart/alternative' && index > 0;
    const block = readHeaders(part);
    const headers =
      type === 'multipart/digest' && !block.values.has('content-type') ? digestBlock(block) : block;
    addParts(headers, part, {
      ...place,
      depth: place.depth + 1,
      alternative: alternative || place.alternative,
    });
  }
}

/** The headers of a part of a digest, which are by default those of a forwarded message (RFC 2046, 5.1.5). */
const digestBlock = ({ values, body }: HeaderBlock): HeaderBlock => ({
  values: new Map([...values, ['content-type', 'message/rfc822']]),
  body,
});

/**
 * Parses the structure of an RFC 5322 message. Its own code because the reference is git mailinfo, which keeps the bytes of a diff
 * whatever the character set says and takes a body of any type; mail libraries decode both. Takes linear time. Throws Error for
 * too many headers, parts or levels.
 */
export function readMessage(bytes: Buffer, budget: MimeBudget): Message {
  const text = bytes.toString('latin1');
  const block = readHeaders(text);
  const parts: Part[] = [];
  addParts(block, text, { depth: 0, alternative: false, budget, parts });
  return { headers: block.values, parts };
}
