import { dirname } from 'node:path';
import { errorText } from '../core/errors.ts';
import type { Guest, GuestDeath } from '../model/machine.ts';
import { DEATH_GRACE_MS, deathWithin } from './death.ts';

const LEAKS = '/sys/kernel/debug/kmemleak';
/** Exit codes of the script. */
const OFF = 3;
const MISSING = 4;
/**
 * A detector that is off refuses every command with EPERM, and reads as if there were no leaks (kmemleak_write and kmemleak_disable of
 * mm/kmemleak.c). The last command sets what is the default: it shows that the detector was still on when the report had been read.
 */
const SCRIPT = `[ -f ${LEAKS} ] || exit ${MISSING}
off() { cat ${LEAKS}; exit ${OFF}; }
echo scan > ${LEAKS} || off
sleep 6
echo scan > ${LEAKS} || off
cat ${LEAKS} || exit 1
echo stack=on > ${LEAKS} || exit ${OFF}`;
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
  /** Whether the kernel is configured with kmemleak, so that its file must be there; default false. */
  isConfigured?: boolean;
  /** ms after which the report is cut. */
  deadlineMs?: number;
  /** How long the guest may take to die after the scan failed, ms. */
  graceMs?: number;
}

/** What the script's own exit codes say of its report; undefined for other codes. */
function answerOf(code: number | undefined, isConfigured: boolean): Pick<LeakScan, 'cut'> | undefined {
  if (code === OFF)
    return {
      cut: 'kmemleak is off in the guest and reports no leaks: kmemleak=off, or it gave up (see the console)',
    };
  if (code === MISSING && isConfigured)
    return { cut: `kmemleak has no file in ${dirname(LEAKS)}, though the kernel is configured with it` };
  return code === 0 || code === MISSING ? {} : undefined;
}

/** Runs the scan. Resolves to its exit code, or how it ended without one; never rejects. */
async function endOf(scan: ReturnType<Guest['exec']>): Promise<{ code?: number; how: string }> {
  try {
    const { code, signal } = await scan;
    if (code === null) return { how: `was ended by ${signal ?? 'a lost connection'}` };
    return { code, how: `ended with code ${code}` };
  } catch (error) {
    return { how: `could not be run: ${errorText(error)}` };
  }
}

/**
 * kmemleak's report of a debug kernel. Two scans some seconds apart: an object that is only reachable through a register or a
 * list in motion looks like a leak to a single scan (Documentation/dev-tools/kmemleak.rst). A report that is too long, does not
 * end before the deadline or does not end with code 0 is cut, and so is that of a detector that is off: no leak in it proves nothing.
 * Throws the abort reason.
 */
export async function scanForLeaks(
  guest: Guest,
  signal: AbortSignal,
  { isConfigured = false, deadlineMs = LEAKS_MS, graceMs = DEATH_GRACE_MS }: LeakScanOptions = {},
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
  const end = await endOf(guest.exec(SCRIPT, { signal: stop, onStdout }));
  signal.throwIfAborted();
  const report = Buffer.concat(chunks).toString('utf8');
  if (full.signal.aborted) return { report, cut: `kmemleak reported more than ${LEAKS_LIMIT >> 20} MiB` };
  if (deadline.aborted)
    return { report, cut: `kmemleak did not end its report within ${deadlineMs / 1000} s` };
  const answer = answerOf(end.code, isConfigured);
  if (answer) return { report, ...answer };
  // A panic cuts the connection before QEMU has reported it: the death explains more than the cut.
  const death = await deathWithin(graceMs, guest, signal);
  return death ? { report, death } : { report, cut: `the scan of kmemleak ${end.how}` };
}
