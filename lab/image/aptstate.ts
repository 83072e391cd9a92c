import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';

/** Where apt's answers come from, as apt-config(8) names it: indexes, settings, and the list of installed packages. */
const INPUTS = ['Dir::State::lists/d', 'Dir::Etc/d', 'Dir::State::status/f'];

/** Path, size and modification time of each file at or below `input`. */
async function statesOf(input: string): Promise<string[]> {
  const names = await readdir(input, { recursive: true }).catch(() => []);
  const paths = ['', ...names.sort()].map((name) => join(input, name));
  return Promise.all(
    paths.map(async (path) => {
      // apt's locks and partial downloads may vanish meanwhile.
      const info = await stat(path).catch(() => undefined);
      return info?.isFile() ? `${path} ${info.size} ${info.mtimeMs}` : path;
    }),
  );
}

/** A hash that changes whenever apt's answers may: after an update or installation, or with another source or preference. */
export async function aptState(ctx: StageContext): Promise<string> {
  const variables = INPUTS.flatMap((input, index) => [`P${index}`, input]);
  const { stdout } = await run('apt-config', ['shell', ...variables], { signal: ctx.signal });
  const inputs = [...stdout.matchAll(/^P\d+='(.*)'$/gm)].map(([, path = '']) => path);
  return hashOf(...(await Promise.all(inputs.map(statesOf))).flat());
}
