import type { Limits } from '../core/limits.ts';
import { OutputLimitError, type RunResult } from '../core/process.ts';

/** For git on the text of a patch: it unpacks, merges and holds files of the tree, of which the largest has 24 MB. */
export const PATCH_LIMITS: Limits = { dataBytes: 1 << 30, fileBytes: 256 << 20, cpuSeconds: 300 };

/** Most bytes that it reports: a line for each hunk, and the lines that it looked for. */
export const MAX_REPORT = 64 << 20;

/** What git says when it met one of the limits: at the start or end of a line, since code of a kernel has such texts too. */
const BEYOND = /^(?:fatal|error): (?:Out of memory|.*: File too large$)/m;

/** How the end of a git is reported that met one. */
const ENDED = /ended by SIG(?:XCPU|XFSZ)/;

/** The result of a limited git that takes every exit code; undefined when it met a limit. Throws as `run` for other reasons. */
export async function withinLimits(running: Promise<RunResult>): Promise<RunResult | undefined> {
  const result = await running.catch((error: unknown) => {
    if (error instanceof OutputLimitError) return undefined;
    if (error instanceof Error && (ENDED.test(error.message) || BEYOND.test(error.message))) return undefined;
    throw error;
  });
  return result && result.code !== 0 && BEYOND.test(result.stderr) ? undefined : result;
}
