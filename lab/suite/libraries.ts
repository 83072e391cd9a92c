import { dirname, join } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';

/** In every guest: the C library's own, which have to fit the guest's loader, and what node is linked with. */
const THERE = /^(?:ld-linux|lib(?:c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|z))[-.]/;

async function readelf(file: string, signal: AbortSignal): Promise<{ needed: string[]; paths: string[] }> {
  // A script has no dynamic section: readelf says so and fails, which is fine.
  const { stdout } = await run('readelf', ['--dynamic', '--wide', file], { signal, accept: 'any' });
  const all = (kind: RegExp) => [...stdout.matchAll(kind)].map((match) => match[1] ?? '');
  const paths = all(/\((?:RPATH|RUNPATH)\).*\[(.*)\]/g).flatMap((list) => list.split(':'));
  return {
    needed: all(/\(NEEDED\).*\[(.*)\]/g),
    paths: paths.map((path) => path.replace(/\$\{?ORIGIN\}?/g, dirname(file))),
  };
}

async function loaderCache(signal: AbortSignal): Promise<Map<string, string>> {
  const { stdout } = await run('/sbin/ldconfig', ['-p'], { signal });
  const lines = [...stdout.matchAll(/^\s*(\S+) \(libc6,x86-64.*\) => (\S+)$/gm)];
  return new Map(lines.reverse().map(([, name = '', path = '']) => [name, path]));
}

/**
 * The shared libraries that a program needs and guests do not have, with all that these need: names, and paths on this machine.
 * Nothing of the program is run to find out. Throws InputError when one is missing.
 */
export async function librariesOf(
  program: string,
  signal: AbortSignal,
): Promise<{ name: string; path: string }[]> {
  const found = new Map<string, string>();
  const cache = await loaderCache(signal);
  const visit = async (file: string): Promise<void> => {
    const { needed, paths } = await readelf(file, signal);
    for (const name of needed) {
      if (THERE.test(name) || found.has(name)) continue;
      const near = [...paths, dirname(file)].map((path) => join(path, name));
      const places = await Promise.all(near.map(async (path) => ((await exists(path)) ? path : undefined)));
      const path = places.find(Boolean) ?? cache.get(name);
      if (!path) throw new InputError({ what: `${name} is not on this machine`, where: program });
      found.set(name, path);
      await visit(path);
    }
  };
  await visit(program);
  return [...found].map(([name, path]) => ({ name, path }));
}
