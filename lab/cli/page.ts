import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { RecordFolder } from '../../reports/index.ts';
import { NotPlainFile, openPlainFile } from '../core/plain-file.ts';
import { quoted } from '../core/quote.ts';
import type { Attempt, RunRecord } from '../model/run.ts';
import { RECORD_FILE } from '../record/record.ts';

/** Bytes at the end of a TAP file in which its last line is looked for. */
const TAIL = 64 << 10;
/** Attempts whose last TAP line is read. */
const ATTEMPTS = 1000;

/** The last line of a file that is not empty; undefined where there is none, or no regular file. */
async function lastLineOf(path: string): Promise<string | undefined> {
  try {
    await using file = await openPlainFile(path, Number.POSITIVE_INFINITY);
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    return lines.findLast((line) => line.trim() !== '');
  } catch (error) {
    // A record may have been copied without its artefacts.
    if (error instanceof NotPlainFile || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a name leads to a file of the folder itself. */
const isPlainName = (file: string) => !/[/\\]|^[.]{0,2}$/.test(file);

async function lastTapOf({ cells }: RunRecord, dir: string): Promise<ReadonlyMap<string, string>> {
  const endedWell = ({ verdict, cutOff }: Attempt) => verdict === 'done' && cutOff === undefined;
  const files = cells
    .flatMap(({ attempts }) => attempts.filter((attempt) => !endedWell(attempt)))
    .flatMap(({ artefacts }) => artefacts.filter(({ kind, file }) => kind === 'tap' && isPlainName(file)))
    .slice(0, ATTEMPTS);
  const lines = new Map<string, string>();
  for (const { file } of files) {
    const line = await lastLineOf(join(dir, file));
    if (line !== undefined) lines.set(file, line);
  }
  return lines;
}

/** A path as a command line names it: relative below the working folder, else absolute. */
function pathFromHere(path: string): string {
  const below = relative('.', path);
  return below.startsWith('..') || isAbsolute(below) ? resolve(path) : below;
}

const urlOf = (path: string) => path.split(sep).map(encodeURIComponent).join('/');

/**
 * The files of a record for a page in the folder `pageDir`. Links are relative, so that page and record can be moved together.
 * `path` is that of the record; undefined for a log of events, which has no files beside it.
 */
export async function recordFolder(
  record: RunRecord,
  path: string,
  pageDir: string,
): Promise<RecordFolder | undefined> {
  if (path.endsWith('.ndjson')) return undefined;
  const dir = path.endsWith(`${sep}${RECORD_FILE}`) || path === RECORD_FILE ? dirname(path) : path;
  const between = relative(pageDir, dir);
  return {
    href: between === '' ? '.' : between.startsWith('..') ? urlOf(between) : `./${urlOf(between)}`,
    repeat: (specFile) => `ringlab run --cell ${quoted(join(pathFromHere(dir), specFile))}`,
    lastTap: await lastTapOf(record, dir),
  };
}
