import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { Origin } from '../model/foreign.ts';

const EXPECTED = 'NAME=PATH, NAME=GIT-URL or NAME=debian:PACKAGE; a path or URL may end with #REVISION';

/** `https://...`, `ssh://...`, `file://...` and `user@host:path`, as git takes them. */
const URL_FORM = /^(?:(?:https?|git|ssh|file):\/\/|[\w.-]+@[\w.-]+:)/;
/** Names of Debian source packages (Debian Policy 5.6.1), and of suites. */
const DEBIAN_FORM = /^debian:([a-z0-9][a-z0-9+.-]+)(?:@([a-z][a-z0-9.-]*))?$/;

function splitRevision(text: string): { place: string; revision?: string } {
  const [, place, revision] = /^(.+)#([^#]+)$/.exec(text) ?? [];
  return place !== undefined && revision !== undefined ? { place, revision } : { place: text };
}

/** A shell expands `~` at the beginning of a word only, not after `NAME=`. */
const expanded = (path: string): string => resolve(path.replace(/^~(?=\/|$)/, homedir()));

async function readOrigin(text: string, where: string): Promise<Origin> {
  const [, name, suite] = DEBIAN_FORM.exec(text) ?? [];
  if (name !== undefined) return { kind: 'debian', package: name, ...(suite ? { suite } : {}) };
  if (text.startsWith('debian:'))
    throw new InputError({
      what: `${text} names no Debian source package`,
      where,
      expected: 'debian:PACKAGE or debian:PACKAGE@SUITE',
    });
  const whole = expanded(text);
  const { place, revision } =
    URL_FORM.test(text) || !(await isFolder(whole)) ? splitRevision(text) : { place: text };
  const of = revision === undefined ? {} : { revision };
  if (URL_FORM.test(text)) return { kind: 'git', url: place, ...of };
  const path = expanded(place);
  if (await isFolder(path)) return { kind: 'folder', path, ...of };
  throw new InputError({ what: `no such folder: ${path}`, where, expected: EXPECTED });
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );

/** The sources that the user names, by the suite's name (`--source liburing=~/src/liburing`). Throws one InputError with every mistake. */
export async function readOrigins(texts: readonly string[]): Promise<Map<string, Origin>> {
  const origins = new Map<string, Origin>();
  const problems: InputError['problems'][number][] = [];
  for (const text of texts) {
    const [, name, place] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
    const where = `--source ${text}`;
    if (name === undefined || place === undefined)
      problems.push({ what: `${JSON.stringify(text)} is no source of a suite`, where, expected: EXPECTED });
    else if (origins.has(name))
      problems.push({
        what: `the source of ${name} is named twice`,
        where,
        expected: 'one source for each suite',
      });
    else
      await readOrigin(place, where).then(
        (origin) => origins.set(name, origin),
        (error: InputError) => problems.push(...error.problems),
      );
  }
  if (problems.length > 0) throw new InputError(problems);
  return origins;
}
