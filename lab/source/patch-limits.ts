import type { Limits } from '../core/limits.ts';
import type { RunResult } from '../core/process.ts';

/** For git on the text of a patch: it unpacks, merges and holds files of the tree, of which the largest has 24 MB. */
export const PATCH_LIMITS: Limits = { dataBytes: 1 << 30, fileBytes: 256 << 20, cpuSeconds: 300 };

/** What git or its end says when it met one of the limits. */
const BEYOND = /Out of memory|ended by SIG(?:XCPU|XFSZ)|File too large/;

/** The result of a limited git that takes every exit code; undefined when it met a limit. Throws as `run` for other reasons. */
export async function withinLimits(running: Promise<RunResult>): Promise<RunResult | undefined> {
  const result = await running.catch((error: unknown) => {
    if (error instanceof Error && BEYOND.test(error.message)) return undefined;
    throw error;
  });
  return result && result.code !== 0 && BEYOND.test(result.stderr) ? undefined : result;
}
