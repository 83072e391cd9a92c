import { basename, resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import { DEFAULT_KERNEL } from '../model/kernel.ts';
import { findSource } from './catalogue.ts';

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

/** Where the source of a SourceRef lies: a Debian package, a path or an address. */
type Location = { name: string; where: string } & (
  | { package: string; suite: string | undefined }
  | { path: string; revision: string | undefined; sha256?: string | undefined }
  | { url: string; sha256: string }
);

/** A Location of one kind, by the field that only it has. */
export type Located<K extends 'package' | 'path' | 'url'> = Extract<Location, Record<K, unknown>>;

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
  const source = await findSource(kernel ?? DEFAULT_KERNEL, sourcesFile);
  const { name, sha256, suite, path = '', revision } = source;
  const where = `kernel ${name}`;
  if (source.package !== undefined) return { name, where, package: source.package, suite };
  if (source.url !== undefined) return { name, where, url: source.url, sha256: sha256 ?? '' };
  return { name, where, path, revision, sha256 };
}
