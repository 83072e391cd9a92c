import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { jsonText, writeAtomicSync, writeJson } from '../core/atomic.ts';
import { InputError } from '../core/errors.ts';
import { check } from '../model/parse.ts';
import { RunRecord } from '../model/run.ts';
import { upgrade } from '../model/upgrade.ts';
import { replay } from './event-log.ts';
import { portability } from './portable.ts';

/** The record's file in its folder. */
export const RECORD_FILE = 'run.json';

/** Writes `run.json` into the record's folder, whole or not at all, without a path of this machine. */
export async function writeRecord(dir: string, record: RunRecord): Promise<void> {
  const file = join(dir, RECORD_FILE);
  await writeJson(file, portability(dir)(check(RunRecord, record, file)));
}

/**
 * Writes `run.json` of a run that works, before it returns: what it holds is kept even if the process is killed in the next moment.
 * Throws the error of the file system; the file is unchanged then.
 */
export function saveRecord(dir: string, record: RunRecord): void {
  writeAtomicSync(join(dir, RECORD_FILE), jsonText(portability(dir)(record)));
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError(
      {
        what: `there is no run record here: ${(cause as Error).message}`,
        where: file,
        fix: 'give a folder that ringlab run made, its run.json, or a log of events (*.ndjson)',
      },
      { cause },
    );
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError({ what: (cause as Error).message, where, expected: 'JSON' }, { cause });
  }
}

/**
 * Reads a record by its folder or its `run.json`, or makes it of a log of events (`*.ndjson`). Records of format 1 are upgraded.
 * Throws InputError for anything else.
 */
export async function readRecord(path: string): Promise<RunRecord> {
  if (path.endsWith('.ndjson')) return check(RunRecord, replay(await readText(path), path), path);
  const file = basename(path) === RECORD_FILE ? path : join(path, RECORD_FILE);
  const value = upgrade(parseJson(await readText(file), file), file);
  return check(RunRecord, value, file, 'run it again with this version of ringlab');
}
