import { errorText } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** A tool that has not answered by then does not work. */
const DEADLINE_MS = 20_000;

/** Whether a tool works: its output, or why it does not. `missing`: it is not in PATH. */
type Probe = { works: true; output: string } | { works: false; missing: boolean; reason: string };

/** Runs a tool to find out whether it works. Throws only the abort reason of `ctx.signal`. */
export async function probe(ctx: StageContext, command: string, args: readonly string[]): Promise<Probe> {
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(DEADLINE_MS)]);
  try {
    const { stdout, stderr } = await run(command, args, { signal });
    return { works: true, output: stdout.trim() || stderr.trim() };
  } catch (error) {
    ctx.signal.throwIfAborted();
    // The lab's message and the first line of the tool's; the rest is usage text.
    const reason = errorText(error).split('\n').slice(0, 2).join(': ');
    return { works: false, missing: /command not found/.test(reason), reason };
  }
}

/** The first version number (`7.2.22`, `9.2p1`) in a text. */
export function versionIn(text: string): string | undefined {
  return /\d+(\.\d+)+[a-z]*\d*/.exec(text)?.[0];
}
