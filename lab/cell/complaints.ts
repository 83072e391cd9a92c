import { createReadStream } from 'node:fs';
import { ComplaintScanner } from '../console/index.ts';
import type { Guest } from '../model/machine.ts';
import type { AttributedComplaint } from './attribute.ts';

function scanned(consoleText: string): ComplaintScanner {
  const scanner = new ComplaintScanner();
  scanner.write(Buffer.from(consoleText));
  return scanner;
}

function finish(scanner: ComplaintScanner, leakReport: string | undefined): AttributedComplaint[] {
  if (leakReport) scanner.write(Buffer.from(`\n${leakReport}\n`));
  return scanner.end();
}

/** Complaints of a whole console log, and of a kmemleak report that came apart from it. */
export const collectComplaints = (consoleText: string, leakReport?: string): AttributedComplaint[] =>
  finish(scanned(consoleText), leakReport);

/** The last test that began and did not end, by the markers that the agent writes to the kernel log. */
export const runningTest = (consoleText: string): string | undefined => scanned(consoleText).running;

/** Reads a console piece by piece: it may have hundreds of megabytes. */
async function scanFile(consoleFile: string): Promise<ComplaintScanner> {
  const scanner = new ComplaintScanner();
  for await (const chunk of createReadStream(consoleFile, { highWaterMark: 1 << 20 })) scanner.write(chunk);
  return scanner;
}

type GuestConsole = Pick<Guest, 'consoleFile' | 'checkConsole'>;

/** Scans the console of a guest. Throws the error of the file system, or why the console is incomplete. */
async function scanConsole({ consoleFile, checkConsole }: GuestConsole): Promise<ComplaintScanner> {
  checkConsole();
  return scanFile(consoleFile);
}

/**
 * `collectComplaints` of a guest that has ended, with a console of any size. Throws the error of the file system, or why the console is
 * incomplete: no complaint in the rest of it would prove nothing.
 */
export const complaintsOf = async (
  guest: GuestConsole,
  leakReport?: string,
): Promise<AttributedComplaint[]> => finish(await scanConsole(guest), leakReport);

/** `runningTest` of a guest with a console of any size. Throws as `complaintsOf`. */
export const runningTestOf = async (guest: GuestConsole): Promise<string | undefined> =>
  (await scanConsole(guest)).running;

const LEAKS = '/sys/kernel/debug/kmemleak';
/** Most bytes kept of the report: some 20,000 lines; the complaints of the first 200 leaks are kept anyway. */
const LEAKS_LIMIT = 1 << 20;
/** Two scans of 512 MiB and the pause take 30 s on an emulated debug kernel. */
const LEAKS_MS = 5 * 60_000;

/** kmemleak's report, and why it is incomplete. */
export interface LeakScan {
  report: string;
  /** Absent when the report is complete. */
  cut?: string;
}

/**
 * kmemleak's report of a debug kernel. Two scans some seconds apart: an object that is only reachable through a register or a
 * list in motion looks like a leak to a single scan (Documentation/dev-tools/kmemleak.rst). A report that is too long or does
 * not end within `deadlineMs` is cut. Throws the abort reason.
 */
export async function scanForLeaks(
  guest: Guest,
  signal: AbortSignal,
  deadlineMs = LEAKS_MS,
): Promise<LeakScan> {
  const script = `[ -f ${LEAKS} ] || exit 0; echo scan > ${LEAKS}; sleep 6; echo scan > ${LEAKS}; cat ${LEAKS}`;
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
  await guest.exec(script, { signal: stop, onStdout }).catch((error) => {
    if (!stop.aborted) throw error;
  });
  signal.throwIfAborted();
  const report = Buffer.concat(chunks).toString('utf8');
  if (full.signal.aborted) return { report, cut: `kmemleak reported more than ${LEAKS_LIMIT >> 20} MiB` };
  if (deadline.aborted)
    return { report, cut: `kmemleak did not end its report within ${deadlineMs / 1000} s` };
  return { report };
}
