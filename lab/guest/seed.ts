import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../core/process.ts';
import { makeKey } from './keys.ts';

/** Both ends' keys for one boot. */
export interface Keys {
  /** The client's private key in OpenSSH's format. */
  client: string;
  /** File with `client`, readable by its owner only, as the system's ssh wants it. */
  clientFile: string;
  /** The host's public key as SSH sends it. */
  host: Buffer;
}

/**
 * Makes keys that live as long as this boot, and the archive at `seed` from which init takes the guest's half. It goes in as a
 * drive, so the image stays the same for every boot.
 */
export async function makeSeed(dir: string, seed: string, signal: AbortSignal): Promise<Keys> {
  const client = makeKey();
  const host = makeKey();
  const root = join(dir, 'seed');
  const files = [
    { path: 'etc/dropbear/host_key', content: host.dropbear },
    { path: 'root/.ssh/authorized_keys', content: client.publicLine },
  ];
  for (const { path, content } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content, { mode: 0o600 });
  }
  await writeFile(seed, '', { mode: 0o600 });
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];
  await run('tar', [...owner, '-cf', seed, '-C', root, ...files.map(({ path }) => path)], { signal });
  await rm(root, { recursive: true });
  const clientFile = join(dir, 'client_key');
  await writeFile(clientFile, client.private, { mode: 0o600 });
  return { client: client.private, clientFile, host: host.public };
}
