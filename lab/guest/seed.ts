import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { clientKey } from './ssh.ts';

/** An SSH string: its length as 32 bits, then its bytes. */
function sshString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const TYPE = 'ssh-ed25519';

/** A host key as dropbear stores it (type, then secret and public half in one string) and as clients know it. */
export function hostKey(): { dropbear: Buffer; public: Buffer } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  if (!d || !x) throw new LabError('this node makes no ed25519 keys');
  const half = (text: string) => Buffer.from(text, 'base64url');
  const type = sshString(Buffer.from(TYPE));
  return {
    dropbear: Buffer.concat([type, sshString(Buffer.concat([half(d), half(x)]))]),
    public: Buffer.concat([type, sshString(half(x))]),
  };
}

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
  const client = clientKey();
  const host = hostKey();
  const root = join(dir, 'seed');
  const files = [
    { path: 'etc/dropbear/host_key', content: host.dropbear },
    { path: 'root/.ssh/authorized_keys', content: client.public },
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

/** A known_hosts line for a guest behind a port of the loopback. */
export const knownHost = (port: number, host: Buffer) =>
  `[127.0.0.1]:${port} ${TYPE} ${host.toString('base64')}\n`;
