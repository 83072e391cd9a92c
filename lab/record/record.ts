import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { check } from '../model/parse.ts';
import { RunRecord } from '../model/result.ts';

const FILE = 'run.json';

/**
 * A new run's id and folder. Ids begin with the UTC time to the second, so they sort by age:
 * `20261121T084212Z-nvme-uring-cmd-multipath`. `out` names the folder; without it it lies in `runsDir` under its id.
 */
export async function newRunDir(
  runsDir: string,
  out: string | undefined,
  label: string,
  now = new Date(),
): Promise<{ id: string; dir: string }> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const stem = `${time}-${label.replace(/[^A-Za-z0-9._+-]+/g, '-').slice(0, 80)}`;
  if (out !== undefined) {
    if (await exists(join(out, FILE))) {
      throw new InputError({
        what: 'the folder already holds a run',
        where: `--out ${out}`,
        fix: 'give another folder, or remove it',
      });
    }
    return { id: stem, dir: resolve(out) };
  }
  for (let number = 1; ; number++) {
    const id = number === 1 ? stem : `${stem}.${number}`;
    const dir = resolve(runsDir, id);
    if (!(await exists(dir))) return { id, dir };
  }
}

/** Folders of this machine, longest first, with what stands for each in a record. */
function places(dir: string): [string, string][] {
  const all: [string, string][] = [
    [resolve(dir), '<run>'],
    [cacheRoot(), '<cache>'],
    [projectRoot, '<ringlab>'],
    [process.cwd(), '<cwd>'],
    [homedir(), '<home>'],
    [tmpdir(), '<tmp>'],
  ];
  return all.filter(([path]) => path !== '/').sort(([a], [b]) => b.length - a.length);
}

/** A folder's path wherever it stands as a whole: `/tmp` neither in `/tmpfs` nor in `/var/tmp`. */
function wholePath(path: string): RegExp {
  return new RegExp(`(?<![\\w.-])${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w.-])`, 'g');
}

function scrub<T>(value: T, known: readonly [string, string][]): T {
  if (typeof value === 'string') {
    return known.reduce<string>((text, [path, name]) => text.replace(wholePath(path), name), value) as T;
  }
  if (Array.isArray(value)) return value.map((item) => scrub(item, known)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, scrub(item, known)])) as T;
}

/** Replaces the paths of this machine; what guests said of themselves (tests, complaints) is left as it is. */
function portable(record: RunRecord, dir: string): RunRecord {
  const known = places(dir);
  const cells = record.cells.map((cell) => {
    const { tests, complaints } = cell;
    return { ...scrub(cell, known), tests, complaints };
  });
  return { ...scrub({ ...record, cells: [] }, known), cells };
}

/** Writes `run.json` into the record's folder, whole or not at all. */
export async function writeRecord(dir: string, record: RunRecord): Promise<void> {
  await writeJson(join(dir, FILE), portable(check(RunRecord, record, join(dir, FILE)), dir));
}

/** Reads a record by its folder or its `run.json`. Throws InputError for what is none. */
export async function readRecord(path: string): Promise<RunRecord> {
  const file = basename(path) === FILE ? path : join(path, FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const fix = 'give a folder that ringlab run made, or its run.json';
    throw new InputError({
      what: `there is no run record here: ${(error as Error).message}`,
      where: file,
      fix,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ what: (error as Error).message, where: file, expected: 'JSON' }, { cause: error });
  }
  return check(RunRecord, value, file, 'run it again with this version of ringlab');
}

async function runsIn(runsDir: string): Promise<string[]> {
  const names = await readdir(runsDir).catch(() => [] as string[]);
  const found = await Promise.all(names.map((name) => exists(join(runsDir, name, FILE))));
  return names.filter((_, index) => found[index]).sort();
}

/** Path of a run: a folder or `run.json` as given, an id under `runsDir`, or `latest`. */
export async function findRun(name: string, runsDir: string): Promise<string> {
  const runs = await runsIn(runsDir);
  const newest = runs.at(-1);
  if (name === 'latest' && newest) return join(runsDir, newest);
  if (name !== 'latest') {
    if (runs.includes(name)) return join(runsDir, name);
    if (await stat(name).catch(() => undefined)) return name;
  }
  throw new InputError({
    what: name === 'latest' ? 'there is no run yet' : `no run is called "${name}"`,
    where: runsDir,
    expected:
      runs.length > 0 ? `a path, latest, or one of: ${runs.slice(-5).reverse().join(', ')}` : 'a path',
    fix: 'ringlab run makes one',
  });
}
