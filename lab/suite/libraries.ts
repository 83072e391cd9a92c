import { dirname, join } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { type Arch, hostArch } from '../model/arch.ts';

/** Libraries of every guest: those of the C library, which must match the guest's loader, and those that node is linked with. */
const GUEST_PROVIDES = /^lib(?:c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|z)[-.]/;

/** Names of the libraries that an ELF file needs, and the folders of its run path. Both are empty for a script. */
async function readelf(file: string, signal: AbortSignal): Promise<{ needed: string[]; paths: string[] }> {
  // readelf fails for a script, which has no dynamic section.
  const { stdout } = await run('readelf', ['--dynamic', '--wide', file], { signal, accept: 'any' });
  const all = (entry: RegExp) => [...stdout.matchAll(entry)].map((match) => match[1] ?? '');
  const paths = all(/\((?:RPATH|RUNPATH)\).*\[(.*)\]/g).flatMap((list) => list.split(':'));
  return {
    needed: all(/\(NEEDED\).*\[(.*)\]/g),
    paths: paths.map((path) => path.replace(/\$\{?ORIGIN\}?/g, dirname(file))),
  };
}

/** Paths by library name in the loader's cache. Of several the first counts, as for the loader. */
async function loaderCache({ loader }: Arch, signal: AbortSignal): Promise<Map<string, string>> {
  const { stdout } = await run('/sbin/ldconfig', ['-p'], { signal });
  const entries = [...stdout.matchAll(/^\s*(\S+) \((.*)\) => (\S+)$/gm)].filter(([, , flags = '']) =>
    flags.startsWith(loader.cacheMark),
  );
  return new Map(entries.reverse().map(([, name = '', , path = '']) => [name, path]));
}

/**
 * The shared libraries that a program needs and guests do not have, with those that the libraries need in turn: names, and paths on
 * this machine. The program is not run. Throws InputError when a library is missing.
 */
export async function librariesOf(
  program: string,
  signal: AbortSignal,
): Promise<{ name: string; path: string }[]> {
  const arch = hostArch();
  const libraries = new Map<string, string>();
  const cache = await loaderCache(arch, signal);
  const isProvided = (name: string) => name === arch.loader.name || GUEST_PROVIDES.test(name);
  const visit = async (file: string): Promise<void> => {
    const { needed, paths } = await readelf(file, signal);
    for (const name of needed) {
      if (isProvided(name) || libraries.has(name)) continue;
      const candidates = [...paths, dirname(file)].map((path) => join(path, name));
      const existing = await Promise.all(
        candidates.map(async (path) => ((await exists(path)) ? path : undefined)),
      );
      const path = existing.find(Boolean) ?? cache.get(name);
      if (!path) throw new InputError({ what: `${name} is not on this machine`, where: program });
      libraries.set(name, path);
      await visit(path);
    }
  };
  await visit(program);
  return [...libraries].map(([name, path]) => ({ name, path }));
}
