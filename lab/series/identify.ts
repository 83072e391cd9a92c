import { sha256Of } from '../core/hash.ts';
import { readEntries } from './entries.ts';
import { parseMails } from './mail.ts';
import { readPatchText } from './patch-text.ts';

/** What identifies a posted patch or cover letter. */
export interface MailIdentity {
  /** Angle brackets included. */
  messageId?: string;
  /** Hex SHA-256 of the diff, as `PostedPatch` has it; absent for a mail without one. */
  sha256?: string;
}

/** Identifies one mail, also as git format-patch writes it. Throws InputError when it is malformed. */
export function identifyMail(bytes: Buffer, where: string): MailIdentity {
  // The line before the headers in a file of git format-patch or an mbox.
  const start = bytes.subarray(0, 5).toString('latin1') === 'From ' ? bytes.indexOf('\n') + 1 : 0;
  const [mail = []] = parseMails([{ bytes: bytes.subarray(start), where }]);
  // A mail that is attached to it is another one.
  const [entry] = readEntries(mail.slice(0, 1), true);
  const messageId = entry?.mail.messageId;
  const diff = entry?.diffStart === undefined ? '' : readPatchText(entry.mail, entry.diffStart).diff;
  return {
    ...(messageId === undefined ? {} : { messageId }),
    ...(diff === '' ? {} : { sha256: sha256Of(diff) }),
  };
}
