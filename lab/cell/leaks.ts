import { errorText } from '../core/errors.ts';
import type { Guest, GuestDeath } from '../model/machine.ts';
import { DEATH_GRACE_MS, deathWithin } from './death.ts';

const LEAKS = '/sys/kernel/debug/kmemleak';
const SCRIPT = `[ -f ${LEAKS} ] || exit 0; echo scan > ${LEAKS}; sleep 6; echo scan > ${LEAKS}; cat ${LEAKS}`;
/** Most bytes kept of the report: some 20,000 lines; the complaints of the first 200 leaks are kept anyway. */
const LEAKS_LIMIT = 1 << 20;
/** Two scans of 512 MiB and the pause take 30 s on an emulated debug kernel. */
const LEAKS_MS = 5 * 60_000;

/** kmemleak's report, and why it is incomplete. */
export interface LeakScan {
  report: string;
  /** Absent when the report is complete, and when the guest died. */
  cut?: string;
  /** The death of the guest that ended the scan. */
  death?: GuestDeath;
}

interface LeakScanOptions {
  /** ms after which the report is cut. */
  deadlineMs?: number;
  /** How long the guest may take to die after the scan failed, ms. */
  graceMs?: number;
}

/** Runs the scan. Resolves to how it ended when that was no orderly end; never rejects. */
async function failureOf(scan: ReturnType<Guest['exec']>): Promise<string | undefined> {
  try {
    const { code, signal } = await scan;
    if (code === null) return `the scan of kmemleak was ended by ${signal ?? 'a lost connection'}`;
    return code === 0 ? undefined : `the scan of kmemleak ended with code ${code}`;
  } catch (error) {
    return `the scan of kmemleak could not be run: ${errorText(error)}`;
  }
}

/**
 * kmemleak's report of a debug kernel. Two scans some seconds apart: an object that is only reachable through a register or a
 * list in motion looks like a leak to a single scan (Documentation/dev-tools/kmemleak.rst). A report that is too long, does not
 * end before the deadline or does not end with code 0 is cut: no leak in it proves nothing. Throws the abort reason.
 */
export async function scanForLeaks(
  guest: Guest,
  signal: AbortSignal,
  { deadlineMs = LEAKS_MS, graceMs = DEATH_GRACE_MS }: LeakScanOptions = {},
): Promise<LeakScan> {
  const full = new AbortController();
  const deadline = AbortSignal.timeout(deadlineMs);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onStdout = (chunk: Buffer) => {
    const kept = chunk.subarray(0, LEAKS_LIMIT - bytes);
    if (kept.length < chunk.length) full.abort();
    if (kept.length > 0) chunks.push(Buffer.from(kept));
    bytes += kept.length;
  };
  const stop = AbortSignal.any([signal, deadline, full.signal]);
  const failure = await failureOf(guest.exec(SCRIPT, { signal: stop, onStdout }));
  signal.throwIfAborted();
  const report = Buffer.concat(chunks).toString('utf8');
  if (full.signal.aborted) return { report, cut: `kmemleak reported more than ${LEAKS_LIMIT >> 20} MiB` };
  if (deadline.aborted)
    return { report, cut: `kmemleak did not end its report within ${deadlineMs / 1000} s` };
  if (failure === undefined) return { report };
  // A panic cuts the connection before QEMU has reported it: the death explains more than the cut.
  const death = await deathWithin(graceMs, guest, signal);
  return death ? { report, death } : { report, cut: failure };
}
