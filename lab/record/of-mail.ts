import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../model/run.ts';
import { runsIn } from './find.ts';
import { RECORD_FILE, readRecord } from './record.ts';

/** What identifies a mail: see `PostedPatch`. */
interface Mail {
  messageId?: string;
  sha256?: string;
}

/** Whether a run tested the patch of a mail, or the series of a cover letter. */
function hasMail({ series }: RunRecord, { messageId, sha256 }: Mail): boolean {
  if (!series) return false;
  const { posted = [] } = series;
  if (messageId !== undefined && [series, ...posted].some((each) => each.messageId === messageId))
    return true;
  return sha256 !== undefined && posted.some((patch) => patch.sha256 === sha256);
}

/**
 * The newest run in a folder of runs that tested the patch of a mail: by its message id, or by its diff, which a series of a git range
 * has too. Undefined where there is none. Throws InputError when the record of such a run cannot be read.
 */
export async function findRunOfMail(
  mail: Mail,
  runsDir: string,
  signal: AbortSignal,
): Promise<RunRecord | undefined> {
  const marks = [mail.messageId, mail.sha256].filter((mark) => mark !== undefined);
  for (const name of (await runsIn(runsDir)).reverse()) {
    signal.throwIfAborted();
    // A search is a hundred times cheaper than parsing each record.
    const text = await readFile(join(runsDir, name, RECORD_FILE), 'utf8').catch(() => '');
    if (!marks.some((mark) => text.includes(JSON.stringify(mark)))) continue;
    const record = await readRecord(join(runsDir, name));
    if (hasMail(record, mail)) return record;
  }
  return undefined;
}
