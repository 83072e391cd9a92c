import type { RunRecord } from '../model/run.ts';
import { findRun } from './find.ts';
import { readRecord } from './record.ts';

/**
 * Reads the record of a run by a path, an id under `runsDir`, or `latest`. Throws InputError when there is no such run, or its record
 * cannot be read.
 */
export async function loadRun(name: string, runsDir: string): Promise<RunRecord> {
  return readRecord(await findRun(name, runsDir));
}
