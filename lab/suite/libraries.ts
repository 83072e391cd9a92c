import { dirname, join } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { type Arch, hostArch } from '../model/arch.ts';

/** Libraries of every guest: those of the C library, which must match the guest's loader, and those that node is linked with. */
const GUEST_PROVIDES = /^lib(?:c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|z)[-.]/;

/** What an ELF file needs: names of libraries, and the folders of its run path. Both are empty for a script. */
interface Needs {
  needed: string[];
  paths: string[];
}

function needsOf(file: string, dynamicSection: string): Needs {
  const all = (entry: RegExp) => [...dynamicSection.matchAll(entry)].map((match) => match[1] ?? '');
  const paths = all(/\((?:RPATH|RUNPATH)\).*\[(.*)\]/g).flatMap((list) => list.split(':'));
  return {
    needed: all(/\(NEEDED\).*\[(.*)\]/g),
    paths: paths.map((path) => path.replace(/\$\{?ORIGIN\}?/g, dirname(file))),
  };
}

/** Files of one call: a command line has room for some thousand paths. */
const BATCH = 200;

/** What each file needs, in the order of `files`. */
async function readelf(files: readonly string[], signal: AbortSignal): Promise<Needs[]> {
  const needs: Needs[] = [];
  for (let first = 0; first < files.length; first += BATCH) {
    const batch = files.slice(first, first + BATCH);
    // readelf fails for a script, which has no dynamic section. The empty file makes it name a single file too.
    const { stdout } = await run('readelf', ['--dynamic', '--wide', ...batch, '/dev/null'], {
      signal,
      accept: 'any',
    });
    const sections = new Map(
      stdout.split(/^File: /m).map((text) => {
        const end = text.indexOf('\n');
        return [text.slice(0, end), text.slice(end)];
      }),
    );
    needs.push(...batch.map((file) => needsOf(file, sections.get(file) ?? '')));
  }
  return needs;
}

/** Paths by library name in the loader's cache. Of several the first counts, as for the loader. */
async function loaderCache({ loader }: Arch, signal: AbortSignal): Promise<Map<string, string>> {
  const { stdout } = await run('/sbin/ldconfig', ['-p'], { signal });
  const entries = [...stdout.matchAll(/^\s*(\S+) \((.*)\) => (\S+)$/gm)].filter(([, , flags = '']) =>
    flags.startsWith(loader.cacheMark),
  );
  return new Map(entries.reverse().map(([, name = '', , path = '']) => [name, path]));
}

/** A shared library: its name, and its path on this machine. */
export interface Library {
  name: string;
  path: string;
}

/**
 * The shared libraries that programs need and guests do not have, with those that the libraries need in turn. The programs are not
 * run. Throws one InputError with every library that is missing.
 */
export async function librariesOf(
  programs: string | readonly string[],
  signal: AbortSignal,
): Promise<Library[]> {
  const arch = hostArch();
  const libraries = new Map<string, string>();
  const missing = new Map<string, string>();
  const cache = await loaderCache(arch, signal);
  const isKnown = (name: string) =>
    name === arch.loader.name || GUEST_PROVIDES.test(name) || libraries.has(name) || missing.has(name);
  let files = typeof programs === 'string' ? [programs] : [...programs];
  while (files.length > 0) {
    const found: string[] = [];
    for (const [index, { needed, paths }] of (await readelf(files, signal)).entries()) {
      const file = files[index] ?? '';
      for (const name of needed.filter((each) => !isKnown(each))) {
        const candidates = [...paths, dirname(file)].map((path) => join(path, name));
        const existing = await Promise.all(
          candidates.map(async (path) => ((await exists(path)) ? path : undefined)),
        );
        const path = existing.find(Boolean) ?? cache.get(name);
        if (path) found.push(path);
        if (path) libraries.set(name, path);
        else missing.set(name, file);
      }
    }
    files = found;
  }
  if (missing.size > 0)
    throw new InputError(
      [...missing].map(([name, program]) => ({
        what: `${name} is not on this machine`,
        where: program,
        expected: 'a library beside the program, in its run path or in the loader’s cache',
        fix: 'install the package of the library, or build the program statically',
      })),
    );
  return [...libraries].map(([name, path]) => ({ name, path }));
}
