import { InputError, type Problem } from '../core/errors.ts';
import { nearNames } from '../core/near.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** Fields of a package in apt's indexes, by their names. */
export type PackageRecord = Readonly<Record<string, string>>;

const aptCache = (args: readonly string[], { signal }: StageContext) =>
  run('apt-cache', args, { accept: 'any', signal, env: { LC_ALL: 'C' } });

/** A stanza of apt's indexes; continued lines are dropped, which only descriptions have. */
const fieldsOf = (stanza: string): PackageRecord =>
  Object.fromEntries(
    [...stanza.matchAll(/^([\w-]+): (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );

/** Records of packages, by name, in the versions that apt would install. Names that apt does not know are left out. */
export async function packageRecords(
  names: readonly string[],
  ctx: StageContext,
): Promise<Map<string, PackageRecord>> {
  const { stdout } = await aptCache(['show', '--no-all-versions', ...names], ctx);
  const records = new Map<string, PackageRecord>();
  for (const record of stdout.split('\n\n').map(fieldsOf)) {
    const { Package: name } = record;
    if (name !== undefined && !records.has(name)) records.set(name, record);
  }
  return records;
}

/** Packages that provide a virtual one. */
async function providersOf(name: string, ctx: StageContext): Promise<string[]> {
  const { stdout } = await aptCache(['showpkg', name], ctx);
  const [, list = ''] = stdout.split(/^Reverse Provides: *$/m);
  const names = list.split('\n').flatMap((line) => line.trim().split(' ')[0] || []);
  return [...new Set(names)].sort();
}

/** Most providers that a message lists. */
const SHOWN = 8;

/** The problem of a name that is no package: it is virtual, or apt does not know it. */
async function problemOf(
  name: string,
  where: string,
  known: readonly string[],
  ctx: StageContext,
): Promise<Problem> {
  const providers = await providersOf(name, ctx);
  if (providers.length > 0) {
    const list = `${providers.slice(0, SHOWN).join(', ')}${providers.length > SHOWN ? ', ...' : ''}`;
    return { what: `${name} is a virtual package`, where, expected: `a package that provides it: ${list}` };
  }
  const near = nearNames(name, known);
  const what = `apt knows no package "${name}"`;
  if (known.length === 0)
    return { what, where, fix: 'apt-get update (as root), with Debian in the sources of apt' };
  const expected = near.length > 0 ? `perhaps ${near.join(' or ')}` : 'the name of a Debian package';
  return { what, where, expected, fix: `correct the name; a new package needs apt-get update (as root)` };
}

/** Throws one InputError with every name that is no package, and what may have been meant. `where`: where the names come from. */
export async function checkPackageNames(
  names: readonly string[],
  records: ReadonlyMap<string, PackageRecord>,
  where: string,
  ctx: StageContext,
): Promise<void> {
  const unknown = names.filter((name) => !records.has(name));
  if (unknown.length === 0) return;
  const known = (await aptCache(['pkgnames'], ctx)).stdout.split('\n').filter(Boolean);
  throw new InputError(await Promise.all(unknown.map((name) => problemOf(name, where, known, ctx))));
}
