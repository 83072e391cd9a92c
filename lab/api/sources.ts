import type { ListedSource, SourceUpdate } from '../model/source-list.ts';
import * as stage from '../source/index.ts';
import { checkOptions } from './check.ts';
import { inContext } from './context.ts';
import type { SourceOptions, WorkOptions } from './options.ts';

/**
 * Every kernel that has a name, for `kernel` and `kernels`: those of ringlab, then those added.
 *
 * @example
 * for (const { name, version, ready } of await listSources()) console.log(name, version, ready);
 */
export async function listSources(options: WorkOptions = {}): Promise<ListedSource[]> {
  checkOptions('work', options, 'listSources(options)');
  return inContext(options, (ctx) => stage.listSources(ctx));
}

/**
 * Keeps a kernel by name: a tarball (path, or address with its SHA-256), a package of a Debian suite, or a tree. Nothing is downloaded.
 * Throws InputError for a name that is in use, or a place at which there is nothing.
 *
 * @example
 * await addSource('sid', { suite: 'sid', package: 'linux-source-7.2' });
 * await run({ kernels: ['debian-6.12', 'sid'] });
 */
export async function addSource(name: string, options: SourceOptions): Promise<stage.NamedSource> {
  checkOptions('source', options, 'addSource(name, options)');
  return inContext(options, (ctx) => stage.addSource({ ...options, name }, ctx));
}

/**
 * Takes the newest version of a kernel's package into use, or downloads what is missing; without a name, of all kernels that are here or
 * were added. Throws LabError when an archive cannot be reached or trusted.
 *
 * @example
 * const [{ before, after }] = await updateSources('debian-7.3');
 */
export async function updateSources(name?: string, options: WorkOptions = {}): Promise<SourceUpdate[]> {
  checkOptions('work', options, 'updateSources(name, options)');
  return inContext(options, (ctx) => stage.updateSources(name, ctx));
}

/** Forgets a kernel that was added, with its download. Throws InputError when there is none of that name. */
export async function removeSource(name: string, options: WorkOptions = {}): Promise<stage.NamedSource> {
  checkOptions('work', options, 'removeSource(name, options)');
  return inContext(options, (ctx) => stage.dropSource(name, ctx));
}
