import { errorText } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** A tool that hangs says as little as one that is missing. */
const DEADLINE_MS = 20_000;

export type Probe = { works: true; output: string } | { works: false; missing: boolean; why: string };

/** Runs a tool to see whether it works. Never throws but for an abort by `ctx.signal`. */
export async function probe(ctx: StageContext, command: string, args: readonly string[]): Promise<Probe> {
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(DEADLINE_MS)]);
  try {
    const { stdout, stderr } = await run(command, args, { signal });
    return { works: true, output: stdout.trim() || stderr.trim() };
  } catch (error) {
    ctx.signal.throwIfAborted();
    // What failed and the tool's own first word on it; the rest is usage text.
    const why = errorText(error).split('\n').slice(0, 2).join(': ');
    return { works: false, missing: /command not found/.test(why), why };
  }
}

/** The first thing that looks like a version (`7.2.22`, `9.2p1`) in a tool's greeting. */
export function versionIn(text: string): string | undefined {
  return /\d+(\.\d+)+[a-z]*\d*/.exec(text)?.[0];
}
