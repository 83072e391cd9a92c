import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { LabError } from '../core/errors.ts';

const TYPE = 'ssh-ed25519';

/** An ed25519 key in the formats of both ends of SSH. */
export interface Key {
  /** Private key file of OpenSSH. */
  private: string;
  /** Private key file of dropbear. */
  dropbear: Buffer;
  /** Public key as SSH sends it. */
  public: Buffer;
  /** Public key as a line of `authorized_keys`. */
  publicLine: string;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** An SSH string: its length as 32 bits, then its bytes (RFC 4251, section 5). */
function sshString(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** An unencrypted private key file (PROTOCOL.key of OpenSSH). */
function opensshFile(publicKey: Buffer, pair: Buffer): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, publicKey, sshString(pair), sshString('ringlab')]);
  // Padded with 1, 2, 3... to the cipher's block size, which is 8 bytes without a cipher.
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, -secret.length & 7);
  const whole = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), sshString('none'), sshString('none'), sshString('')],
    ...[uint32(1), sshString(publicKey), sshString(Buffer.concat([secret, padding]))],
  ]);
  const lines = whole.toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/**
 * Generates a key. The files are written here because one in about 270 keys that ssh2 1.17 generates cannot be parsed again.
 * Throws LabError when this Node has no ed25519.
 */
export function makeKey(): Key {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (!d || !x) throw new LabError('this Node generates no ed25519 keys');
  const [secretHalf, publicHalf] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  const pair = Buffer.concat([secretHalf, publicHalf]);
  const publicKey = Buffer.concat([sshString(TYPE), sshString(publicHalf)]);
  return {
    private: opensshFile(publicKey, pair),
    dropbear: Buffer.concat([sshString(TYPE), sshString(pair)]),
    public: publicKey,
    publicLine: `${TYPE} ${publicKey.toString('base64')} ringlab\n`,
  };
}

/** A known_hosts line for a guest behind a port of the loopback. */
export const knownHost = (port: number, host: Buffer): string =>
  `[127.0.0.1]:${port} ${TYPE} ${host.toString('base64')}\n`;

/** The host key in such a line. */
export const hostKeyIn = (line: string): Buffer => Buffer.from(line.trim().split(' ')[2] ?? '', 'base64');
