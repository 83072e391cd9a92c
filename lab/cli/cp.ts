import { stat } from 'node:fs/promises';
import { basename, posix, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import {
  connectTo,
  copyFromGuest,
  copyToGuest,
  findGuest,
  type GuestFiles,
  type RunningGuest,
  runningGuests,
} from '../guest/index.ts';

/** A path on this machine, or in a guest. */
export type Place = { path: string; guest?: RunningGuest };

/**
 * What `[GUEST]:PATH` or `PATH` names. The colon of a path that begins with `/`, `./` or `../` names no guest, nor that of an existing
 * file. Throws InputError for a guest that does not run.
 */
export async function placeOf(text: string, guests: readonly RunningGuest[]): Promise<Place> {
  const colon = text.indexOf(':');
  if (colon < 0 || /^\.{0,2}\//.test(text)) return { path: text };
  const [name, path] = [text.slice(0, colon), text.slice(colon + 1) || '.'];
  const isGuest = name === '' || guests.some((guest) => name === guest.id || name === guest.name);
  if (!isGuest && (await exists(text))) return { path: text };
  return { path, guest: findGuest(name, guests) };
}

const isFolder = (path: string) =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );

/** Where a source goes, as for cp(1): into a folder that is there, else to the new name. */
function targetOf(name: string, to: string, isThere: boolean, several: boolean): string {
  const needsFolder = several || to.endsWith('/');
  if (needsFolder && !isThere)
    throw new InputError({ what: 'no such folder', where: to, expected: 'a folder that is there' });
  return isThere ? posix.join(to, name) : to;
}

async function copyOne(source: Place, to: Place, several: boolean, files: GuestFiles, signal: AbortSignal) {
  if (source.guest) {
    const target = targetOf(
      posix.basename(posix.resolve('/root', source.path)),
      to.path,
      await isFolder(to.path),
      several,
    );
    return copyFromGuest(files, source.path, target, signal);
  }
  const isThere = (await files.look(to.path, { follow: true }))?.kind === 'folder';
  const target = targetOf(basename(resolve(source.path)), to.path, isThere, several);
  return copyToGuest(files, source.path, target, signal);
}

/** Copies between this machine and one running guest. Throws InputError for places that are no such pair. */
async function copy(texts: readonly string[], signal: AbortSignal): Promise<void> {
  const guests = await runningGuests();
  const places = await Promise.all(texts.map((text) => placeOf(text, guests)));
  const [to, ...sources] = places.toReversed();
  const ids = new Set(sources.map(({ guest }) => guest?.id));
  const guest = to?.guest ?? sources[0]?.guest;
  if (!to || !guest || ids.size > 1 || (to.guest && sources.some((source) => source.guest)))
    throw new InputError({
      what: 'no copy between this machine and one guest',
      where: texts.join(' '),
      expected: 'PATH... GUEST:PATH, or GUEST:PATH... PATH',
    });
  await using link = await connectTo(guest, signal);
  const files = await link.files();
  for (const source of sources.toReversed()) await copyOne(source, to, sources.length > 1, files, signal);
}

/** `ringlab cp`. */
export const cpVerb = (signal: AbortSignal) =>
  new Command('cp')
    .description('Copy files and folders between this machine and the guest of a shell that runs.')
    .argument('<paths...>', 'sources and target; GUEST:PATH, or :PATH where one shell runs, is in a guest')
    .addHelpText(
      'after',
      '\nGUEST is the id or the name that ringlab shell prints. Modes are kept, links are not followed; relative paths are below /root.\nExample: ringlab cp ./tests :/root\n         ringlab cp :/var/log ./logs',
    )
    .action((paths) => copy(paths, signal));
