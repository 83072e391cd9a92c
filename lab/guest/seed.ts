import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { GuestRequest } from '../model/machine.ts';
import { makeKey } from './keys.ts';

/** The SSH keys of one boot. */
export interface Keys {
  /** Private key of the client, in OpenSSH's format. */
  client: string;
  /** File with `client`, readable by its owner only: the system's ssh refuses others. */
  clientFile: string;
  /** Public key of the guest's sshd, as SSH sends it. */
  host: Buffer;
}

/** Bytes of an archive, sparse: a fork's drive has to be as large as that of its template. */
const SEED_BYTES = 16 << 20;

/** Writes files below `dir`/seed and packs them. */
async function pack(
  dir: string,
  seed: string,
  files: readonly { path: string; content: string | Buffer }[],
  signal: AbortSignal,
): Promise<void> {
  const root = join(dir, 'seed');
  for (const { path, content } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content, { mode: 0o600 });
  }
  await writeFile(seed, '', { mode: 0o600 });
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];
  await run('tar', [...owner, '-cf', seed, '-C', root, ...files.map(({ path }) => path)], { signal });
  const { size } = await stat(seed);
  if (size > SEED_BYTES)
    throw new LabError(
      `what a guest begins with has ${size} bytes: more than the ${SEED_BYTES} of its drive`,
    );
  await truncate(seed, SEED_BYTES);
  await rm(root, { recursive: true });
}

/**
 * Writes the archive of a template, which has no keys but what Node is to load. Its last member says that the guest has to wait
 * (images/minimal/init/seed.c), with the path of that script.
 */
export async function makeTemplateSeed(
  { dir, preload }: Pick<GuestRequest, 'dir' | 'preload'>,
  seed: string,
  signal: AbortSignal,
): Promise<void> {
  const loaded = (preload?.files ?? []).map(async ({ from, to }) => ({
    path: to.replace(/^\//, ''),
    content: await readFile(from),
  }));
  const last = { path: 'ringlab.template', content: preload?.script ?? '' };
  await pack(dir, seed, [...(await Promise.all(loaded)), last], signal);
}

/**
 * Generates the keys of one boot, and writes the guest's half into the tar archive `seed`. Init unpacks it from a drive, so that
 * the image is the same for every boot.
 */
export async function makeSeed(dir: string, seed: string, signal: AbortSignal): Promise<Keys> {
  const client = makeKey();
  const host = makeKey();
  const files = [
    { path: 'etc/dropbear/host_key', content: host.dropbear },
    { path: 'root/.ssh/authorized_keys', content: client.publicLine },
  ];
  await pack(dir, seed, files, signal);
  const clientFile = join(dir, 'client_key');
  await writeFile(clientFile, client.private, { mode: 0o600 });
  return { client: client.private, clientFile, host: host.public };
}
