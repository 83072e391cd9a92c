import { stringify } from 'yaml';
import { writeAtomic } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { hashFile } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelSource, SourcesFile } from '../model/kernel.ts';
import { allSources, type NamedSource, readSources, userSourcesFile } from './catalogue.ts';
import { examinePath } from './check.ts';
import { commitOf } from './git-tree.ts';
import { entryOf, type NewSource } from './new-source.ts';

/** Checks what lies at the path of a source: it exists, its revision or hash is there. */
async function checkPath(
  { path, revision, sha256 }: KernelSource,
  isTree: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (path === undefined) return;
  const { folder, gitDir } = await examinePath(path, revision, signal);
  if (folder !== isTree) {
    const [what, fix] = isTree ? ['it is a file', '--tarball'] : ['it is a folder', '--tree'];
    throw new InputError({ what, where: path, fix: `give it as ${fix}` });
  }
  if (gitDir !== undefined) await commitOf(path, revision, signal);
  if (sha256 === undefined) return;
  const actual = await hashFile(path, signal);
  if (actual !== sha256)
    throw new InputError({ what: `its SHA-256 is ${actual}`, where: path, expected: sha256 });
}

/** Changes the user's sources: one process at a time. */
async function change(ctx: StageContext, edit: (sources: SourcesFile) => void): Promise<void> {
  const file = userSourcesFile();
  await using _held = await lock(`${file}.lock.d`, ctx.signal);
  const sources = (await exists(file)) ? await readSources(file) : {};
  edit(sources);
  await writeAtomic(file, `# Sources of \`ringlab source add\`.\n${stringify(sources)}`);
}

/**
 * Keeps a source by name, for `--kernel`. Throws InputError with every mistake, for a name that is in use, and for a path at which there
 * is nothing usable. Nothing is downloaded.
 */
export async function addSource(source: NewSource, ctx: StageContext): Promise<NamedSource> {
  const { name } = source;
  const entry = entryOf(source);
  await checkPath(entry, source.tree !== undefined, ctx.signal);
  const namesake = (await allSources()).get(name);
  const inUse = (from: string) =>
    new InputError({
      what: `there is a source ${name} ${from === 'own' ? 'of ringlab' : 'already'}`,
      where: 'the name',
      fix: from === 'own' ? 'choose another name' : `ringlab source remove ${name}`,
    });
  if (namesake) throw inUse(namesake.from);
  await change(ctx, (sources) => {
    if (Object.hasOwn(sources, name)) throw inUse('user');
    sources[name] = entry;
  });
  return { ...entry, name, from: 'user' };
}

/** Removes a source of the user from the list; what it names stays where it is. Throws InputError when there is no such source. */
export async function removeSource(name: string, ctx: StageContext): Promise<NamedSource> {
  const sources = await allSources();
  const source = sources.get(name);
  if (source?.from !== 'user') {
    const names = [...sources.values()].filter(({ from }) => from === 'user').map((user) => user.name);
    throw new InputError({
      what: source ? `the source ${name} is one of ringlab's own` : `there is no source "${name}"`,
      expected: names.length > 0 ? names.join(', ') : 'a source that was added; there is none',
    });
  }
  await change(ctx, (all) => {
    delete all[name];
  });
  return source;
}
