import { ComplaintScanner } from '../console/index.ts';
import type { Guest } from '../model/machine.ts';
import type { AttributedComplaint } from './attribute.ts';

/** Complaints of a whole console log, and of a kmemleak report that came apart from it. */
export function collectComplaints(consoleText: string, leakReport?: string): AttributedComplaint[] {
  const scanner = new ComplaintScanner();
  scanner.write(Buffer.from(consoleText));
  if (leakReport) scanner.write(Buffer.from(`\n${leakReport}\n`));
  return scanner.end();
}

/** The last test that began and did not end, by the markers that the agent writes to the kernel log. */
export function runningTest(consoleText: string): string | undefined {
  const scanner = new ComplaintScanner();
  scanner.write(Buffer.from(consoleText));
  return scanner.running;
}

const LEAKS = '/sys/kernel/debug/kmemleak';

/**
 * kmemleak's report of a debug kernel. Two scans some seconds apart: an object that is only reachable through a register or a
 * list in motion looks like a leak to a single scan (Documentation/dev-tools/kmemleak.rst).
 */
export async function scanForLeaks(guest: Guest, signal: AbortSignal): Promise<string> {
  const script = `[ -f ${LEAKS} ] || exit 0; echo scan > ${LEAKS}; sleep 6; echo scan > ${LEAKS}; cat ${LEAKS}`;
  const chunks: Buffer[] = [];
  await guest.exec(script, { signal, onStdout: (chunk) => chunks.push(chunk) });
  return Buffer.concat(chunks).toString('utf8');
}
