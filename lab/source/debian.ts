import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { findProgram } from '../core/program.ts';

/** A suite of the Debian archive, as a private apt reads it. */
export interface Archive {
  suite: string;
  /** Address of the archive. */
  mirror: string;
  keyring: string;
  /** Whose source it is, for messages. */
  where: string;
}

/** Keys of the Debian archive, as the package debian-archive-keyring installs them. */
const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
];

/** Debian's public name of its archive, for machines whose apt has no Debian mirror. */
const PUBLIC_MIRROR = 'http://deb.debian.org/debian';

/** Environment of apt: its messages are read. */
export const APT_ENV = { LC_ALL: 'C', LANGUAGE: '' };

/** Path of the keyring of the Debian archive. Throws InputError when it is not installed. */
export async function debianKeyring(where: string): Promise<string> {
  for (const path of KEYRINGS) if (await exists(path)) return path;
  throw new InputError({
    what: 'the keys of the Debian archive are not installed',
    where,
    expected: KEYRINGS[0] ?? '',
    fix: 'apt-get install debian-archive-keyring (as root)',
  });
}

/** Throws InputError when apt is not installed, with the other ways to the source. */
export function checkApt(where: string): void {
  const missing = ['apt-get', 'apt-cache', 'dpkg-deb'].filter(
    (command) => findProgram(command) === undefined,
  );
  if (missing.length === 0) return;
  throw new InputError({
    what: `the package cannot be downloaded: this machine has no ${missing.join(', ')}`,
    where,
    fix: 'use a tarball of the kernel: ringlab source add NAME --tarball FILE or URL --sha256 HASH',
  });
}

/** URI, code name, origin and label of each package index in apt's sources. */
async function indexTargets(args: readonly string[], signal: AbortSignal): Promise<string[][]> {
  const format = '$(REPO_URI)\t$(ORIGIN)\t$(LABEL)';
  const all = ['indextargets', ...args, '--format', format, 'Created-By: Packages'];
  const { stdout } = await run('apt-get', all, { accept: 'any', signal, env: APT_ENV });
  return stdout.split('\n').map((line) => line.split('\t'));
}

const withoutSlash = (uri: string) => uri.replace(/\/+$/, '');
/** A CD, or a method that needs more than an address, is of no use for another suite. */
const isUsable = (uri: string) => /^(?:https?|file|copy):\/\//.test(uri);

/**
 * Addresses of the Debian archive, to be tried in order: the mirrors of this machine's apt, then Debian's public name. A mirror is known
 * by its Release file, or, where apt has no lists, as in containers, by its path.
 */
export async function debianMirrors(signal: AbortSignal): Promise<string[]> {
  const known = (await indexTargets([], signal))
    .filter(([, origin, label]) => origin === 'Debian' && label === 'Debian')
    .map(([uri = '']) => uri);
  const listed =
    known.length > 0
      ? known
      : (await indexTargets(['--no-release-info'], signal))
          .map(([uri = '']) => uri)
          .filter((uri) => withoutSlash(uri).endsWith('/debian'));
  const mirrors = [...listed.filter(isUsable).map(withoutSlash), PUBLIC_MIRROR];
  return [...new Set(mirrors)];
}
