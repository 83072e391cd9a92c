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
