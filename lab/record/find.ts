import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { plainProblems } from '../core/path-characters.ts';
import { RECORD_FILE } from './record.ts';

/** What is at a path; undefined for nothing, also below a file. */
function statOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Throws InputError for a folder that cannot be made, because a file is in its place or on the way to it. */
function checkFolder(dir: string, where: string): void {
  for (let path = dir; ; path = dirname(path)) {
    const info = statOf(path);
    if (info?.isDirectory() || dirname(path) === path) return;
    if (info) throw new InputError({ what: `${path} is no folder`, where, expected: 'a new folder' });
  }
}

/**
 * The id and folder of a new run. Ids begin with the UTC time to the second, so they sort by age:
 * `20261121T084212Z-nvme-uring-cmd-multipath`. `out` names the folder; without it the folder lies in `runsDir` under its id.
 * Nothing is created. Throws InputError when `out` holds a run already, cannot be made, or has control characters in its path.
 */
export async function newRunDir(
  runsDir: string,
  out: string | undefined,
  label: string,
  now = new Date(),
): Promise<{ id: string; dir: string }> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const stem = `${time}-${label.replace(/[^A-Za-z0-9._+-]+/g, '-').slice(0, 80)}`;
  const setting = out === undefined ? '--runs' : '--out';
  const problems = plainProblems(out ?? runsDir, setting);
  if (problems.length > 0) throw new InputError(problems);
  if (out !== undefined) {
    if (await exists(join(out, RECORD_FILE))) {
      throw new InputError({
        what: 'the folder already holds a run',
        where: `--out ${out}`,
        fix: 'give another folder, or remove it',
      });
    }
    checkFolder(resolve(out), `--out ${out}`);
    return { id: stem, dir: resolve(out) };
  }
  for (let number = 1; ; number++) {
    const id = number === 1 ? stem : `${stem}.${number}`;
    const dir = resolve(runsDir, id);
    if (!(await exists(dir))) return { id, dir };
  }
}

/** Names of the runs in a folder of runs, oldest first. */
export async function runsIn(runsDir: string): Promise<string[]> {
  const names = await readdir(runsDir).catch(() => [] as string[]);
  const present = await Promise.all(names.map((name) => exists(join(runsDir, name, RECORD_FILE))));
  return names.filter((_, index) => present[index]).sort();
}

/**
 * Path of a run: a folder, `run.json` or a log of events as given, an id under `runsDir`, or `latest`. Throws InputError when
 * there is no such run.
 */
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
