import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { DEFAULT_KERNEL, KernelSource } from '../model/kernel.ts';
import { parseYaml } from '../model/parse.ts';

/** Which source to use: a name in sources.yaml (`kernel`, default `DEFAULT_KERNEL`), or the path of a kernel (`tree`). */
export interface SourceRef {
  kernel?: string;
  /** A git tree, tarball or folder. */
  tree?: string;
  /** Revision of a git tree at `tree`; default HEAD. */
  base?: string;
  /** A sources file whose entries replace and extend those of kernels/sources.yaml. */
  sourcesFile?: string;
}

/** Where the source of a SourceRef lies: a Debian package or a path. */
type Location = { name: string; where: string } & (
  | { package: string }
  | { path: string; revision: string | undefined }
);

const SourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name is letters, digits, dot, dash and underscore');
const Sources = z.record(SourceName, KernelSource);

async function readSources(file: string): Promise<Record<string, KernelSource>> {
  if (!(await exists(file))) throw new InputError({ what: 'there is no such sources file', where: file });
  const sources = parseYaml(Sources, await readFile(file, 'utf8'), file);
  const absolute = Object.entries(sources).map(([name, source]): [string, KernelSource] => [
    name,
    source.path === undefined ? source : { ...source, path: resolve(dirname(file), source.path) },
  ]);
  return Object.fromEntries(absolute);
}

async function allSources(sourcesFile?: string): Promise<Record<string, KernelSource>> {
  const shipped = await readSources(join(projectRoot, 'kernels/sources.yaml'));
  return sourcesFile ? { ...shipped, ...(await readSources(sourcesFile)) } : shipped;
}

/** `~/src/Linux next.tar.xz` -> `linux-next`. */
function nameOfPath(path: string): string {
  const bare = basename(path).replace(/\.tar(?:\.\w+)?$|\.t[gx]z$/i, '');
  return (
    bare
      .toLowerCase()
      .replace(/[^a-z0-9._]+/g, '-')
      .replace(/^[-.]+|[-.]+$/g, '') || 'tree'
  );
}

/**
 * Looks a reference up without touching the source itself. Throws InputError for a name that no sources file has (with those that
 * it has), a malformed sources file, or options that exclude each other.
 */
export async function locate({ kernel, tree, base, sourcesFile }: SourceRef): Promise<Location> {
  if (tree !== undefined) {
    if (kernel !== undefined) throw new InputError({ what: 'give either --kernel or --tree, not both' });
    return { name: nameOfPath(resolve(tree)), where: tree, path: tree, revision: base };
  }
  if (base !== undefined) {
    throw new InputError({ what: '--base names a revision of a git tree', fix: 'give --tree DIR with it' });
  }
  const sources = await allSources(sourcesFile);
  const name = kernel ?? DEFAULT_KERNEL;
  const source = sources[name];
  if (!source) {
    throw new InputError({ what: `there is no kernel "${name}"`, expected: Object.keys(sources).join(', ') });
  }
  const where = `kernel ${name}`;
  if (source.package !== undefined) return { name, where, package: source.package };
  return { name, where, path: source.path ?? '', revision: source.revision };
}
