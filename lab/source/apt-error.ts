import { InputError, LabError } from '../core/errors.ts';
import { throwReportedFault } from '../core/storage.ts';
import type { Archive } from './debian.ts';

/** What apt says where an archive or a file of it is not what its keys have signed. */
const UNTRUSTED =
  /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|KEYEXPIRED|GPG error|is not signed|not live until|signature|Hash Sum mismatch|Insufficient information|cannot be authenticated|unauthenticated/i;
/** A Release file that is older or newer than it says. */
const OUTDATED = /is expired|is not valid yet/i;
const NO_SUITE = /does not have a Release file|404\s+Not Found/i;

/** An address without the name and password that it may have. */
export const withoutPassword = (text: string): string => text.replace(/\/\/[^/\s@]*@/g, '//');

/** Errors and warnings of apt, the first few. */
function complaintsOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /^[EW]: /.test(line));
  const shown = (lines.length > 0 ? lines : stderr.trim().split('\n')).slice(0, 4);
  return withoutPassword(shown.map((line) => `  ${line}`).join('\n'));
}

/**
 * The error for what apt printed: LabError when the archive cannot be trusted or reached, InputError when it has no such suite. Throws
 * the LabError of a disk that is full or fails.
 */
export function aptError(stderr: string, { suite, mirror, where }: Archive, folder: string): Error {
  throwReportedFault('apt-get', stderr, folder);
  const from = `${withoutPassword(mirror)} ${suite}`;
  const complaints = complaintsOf(stderr);
  if (UNTRUSTED.test(stderr))
    return new LabError(
      `${where}: apt does not trust ${from}: its signature cannot be verified, nothing of it is used\n${complaints}\n  fix: apt-get install --only-upgrade debian-archive-keyring (as root), or another mirror in apt's sources`,
    );
  if (OUTDATED.test(stderr))
    return new LabError(
      `${where}: the lists of ${from} are out of date or from the future\n${complaints}\n  fix: correct the clock of this machine, or use another mirror`,
    );
  if (NO_SUITE.test(stderr))
    return new InputError({
      what: `the archive ${withoutPassword(mirror)} has no suite ${suite}`,
      where,
      expected: 'a suite of the Debian archive, such as trixie-backports or sid',
    });
  return new LabError(
    `${where}: cannot download from ${from}\n${complaints}\n  fix: connect this machine to the archive, or use a tarball: ringlab source add NAME --tarball FILE`,
  );
}
