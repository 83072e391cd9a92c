import { errorText } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import { pieces } from '../model/printk.ts';
import { type SourcePlace, sourcePlaces } from './addr2line.ts';
import { frameOf, pointerOf } from './frames.ts';
import { readSymbols, type Symbols } from './symbols.ts';

/** Most places that are looked up for one console. */
const MAX_ADDRESSES = 5000;

const OFFSET = /([A-Za-z_][\w.$]*)\+0x([0-9a-f]{1,8})\/0x([0-9a-f]{1,8})(?! \[\w)/;

/** A line with a function of the kernel proper (not of a module) at an address. */
interface Located {
  /** The line up to the function's name. */
  before: string;
  address: bigint;
}

/** The files of a kernel that decoding needs. */
export interface DecodableKernel {
  vmlinux: string;
  systemMap: string;
}

function locate(line: string, symbols: Symbols): Located | undefined {
  const text = pieces(line).at(-1)?.text ?? '';
  const isPointer = pointerOf(text) !== undefined;
  if (!isPointer && !frameOf(text)) return undefined;
  const match = OFFSET.exec(line);
  const [, name = '', offset, size] = match ?? [];
  if (!match) return undefined;
  const at = symbols.addressOf(name, BigInt(`0x${offset}`), BigInt(`0x${size}`));
  if (at === undefined) return undefined;
  // A trace has return addresses: the call is before them, perhaps on another line.
  const isReturn = !isPointer && !/^0*$/.test(offset ?? '');
  return { before: line.slice(0, match.index), address: isReturn ? at - 1n : at };
}

/** A line with its place behind it, after a line for each function that was inlined there. */
function withPlaces(line: string, { before }: Located, places: readonly SourcePlace[]): string[] {
  const outer = places.at(-1);
  const inlined = places
    .slice(0, -1)
    .map((place) => `${before}${place.function} ${place.file}:${place.line} [inline]`);
  return outer ? [...inlined, `${line} ${outer.file}:${outer.line}`] : [line];
}

/**
 * The texts of complaints with the source place of each function in their traces, inlined functions included, as the kernel's
 * `scripts/decode_stacktrace.sh` adds them. Functions of modules stay as printed, and all of a kernel without debug information. When
 * decoding fails, each text ends with the reason. Throws only the abort reason.
 */
export async function decodeComplaints<T extends { text: string }>(
  complaints: readonly T[],
  { vmlinux, systemMap }: DecodableKernel,
  ctx: StageContext,
): Promise<T[]> {
  if (!complaints.some(({ text }) => OFFSET.test(text))) return [...complaints];
  try {
    const symbols = await readSymbols(systemMap);
    const located = new Map<string, Located>();
    for (const line of new Set(complaints.flatMap(({ text }) => text.split('\n')))) {
      const found = located.size < MAX_ADDRESSES ? locate(line, symbols) : undefined;
      if (found) located.set(line, found);
    }
    if (located.size === 0) return [...complaints];
    const addresses = [...located.values()].map(({ address }) => address);
    const places = await sourcePlaces(vmlinux, addresses, symbols.first('start_kernel'), ctx);
    const decode = (line: string): string[] => {
      const at = located.get(line);
      return at ? withPlaces(line, at, places.get(at.address) ?? []) : [line];
    };
    return complaints.map((complaint) => ({
      ...complaint,
      text: complaint.text.split('\n').flatMap(decode).join('\n'),
    }));
  } catch (error) {
    ctx.signal.throwIfAborted();
    const reason = `[the functions were not decoded: ${errorText(error).split('\n', 1)[0]}]`;
    return complaints.map((complaint) => ({ ...complaint, text: `${complaint.text}\n${reason}` }));
  }
}
