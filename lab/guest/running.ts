import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { InputError } from '../core/errors.ts';
import type { Guest } from '../model/machine.ts';
import { hostKeyIn } from './keys.ts';
import { scratchFoldersInUse } from './scratch.ts';
import { SshLink } from './ssh.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

/** The file in a scratch folder that says which guest runs there. */
const FILE = 'guest.json';

const RunningGuestFile = z.object({
  name: z.string(),
  ssh: z.object({ port: z.number().int(), keyFile: z.string(), hostKeyFile: z.string() }),
});

/** A guest that a shell of this user runs. `id`: the random part of its scratch folder's name. */
export interface RunningGuest extends z.infer<typeof RunningGuestFile> {
  id: string;
}

const idOf = (dir: string) => basename(dir).replace(/^ringlab-(?:\d+-)?/, '');

/** Lets other processes of this user find the guest in a scratch folder while the folder is locked. Returns its id. */
export async function registerGuest(
  dir: string,
  { name, ssh }: Pick<Guest, 'name' | 'ssh'>,
): Promise<string> {
  await writeJson(join(dir, FILE), { name, ssh });
  return idOf(dir);
}

/** Undefined for a text that is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The guests that shells of this user run, sorted by name. */
export async function runningGuests(): Promise<RunningGuest[]> {
  const folders = await scratchFoldersInUse();
  const guests = await Promise.all(
    folders.map(async (dir) => {
      const parsed = await readFile(join(dir, FILE), 'utf8').then(
        (text) => RunningGuestFile.safeParse(jsonOf(text)),
        // Most scratch folders are of guests that no shell runs, and one may be vanishing.
        () => undefined,
      );
      return parsed?.success ? [{ id: idOf(dir), ...parsed.data }] : [];
    }),
  );
  return guests.flat().sort((a, b) => (`${a.name} ${a.id}` < `${b.name} ${b.id}` ? -1 : 1));
}

/** The guest of an id or name; '' is the only one that runs. Throws InputError with those that run when there is none, or several. */
export function findGuest(wanted: string, guests: readonly RunningGuest[]): RunningGuest {
  const matching = guests.filter(({ id, name }) => wanted === '' || wanted === id || wanted === name);
  const [guest] = matching;
  if (guest && matching.length === 1) return guest;
  const what = guest
    ? `several guests run${wanted && ` as ${wanted}`}`
    : `no guest${wanted && ` ${wanted}`} runs`;
  const list = guests.map(({ id, name }) => `${id} (${name})`).join(', ');
  throw new InputError({
    what,
    where: 'guest',
    expected: list ? `the id of one of these: ${list}` : 'a guest of a shell that runs',
    ...(list ? {} : { fix: 'start one in another terminal: ringlab shell' }),
  });
}

/** A separate connection to a running guest. Throws LabError when the guest does not answer, the abort reason. */
export async function connectTo({ ssh }: Pick<Guest, 'ssh'>, signal: AbortSignal): Promise<SshLink> {
  const [privateKey, knownHosts] = await Promise.all([
    readFile(ssh.keyFile, 'utf8'),
    readFile(ssh.hostKeyFile, 'utf8'),
  ]);
  const { heartbeat: keepalive } = DEFAULT_TIMEOUTS;
  return SshLink.connect({ port: ssh.port, privateKey, hostKey: hostKeyIn(knownHosts), keepalive, signal });
}
