import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** What apt answers from: indexes, settings, and what is installed. */
const PLACES = ['Dir::State::lists/d', 'Dir::Etc/d', 'Dir::State::status/f'];

async function tokens(place: string): Promise<string[]> {
  const names = await readdir(place, { recursive: true }).catch(() => []);
  const paths = ['', ...names.sort()].map((name) => join(place, name));
  return Promise.all(
    paths.map(async (path) => {
      // apt's own locks and half-fetched files come and go.
      const found = await stat(path).catch(() => undefined);
      return found?.isFile() ? `${path} ${found.size} ${found.mtimeMs}` : path;
    }),
  );
}

/** Changes whenever apt's answers may: after an update, an installation, another source or preference. */
export async function aptState(ctx: StageContext): Promise<string> {
  const asked = PLACES.flatMap((place, index) => [`P${index}`, place]);
  const { stdout } = await run('apt-config', ['shell', ...asked], { signal: ctx.signal });
  const places = [...stdout.matchAll(/^P\d+='(.*)'$/gm)].map(([, path = '']) => path);
  return hashOf(...(await Promise.all(places.map(tokens))).flat());
}
