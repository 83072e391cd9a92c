import { lstat, stat } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import { filesOfFolder } from './folder.ts';
import { isRange, mailsOfRange } from './git-range.ts';
import { readInfo } from './info.ts';
import type { Finding, SourceFiles } from './stages.ts';

/**
 * The files of a path, or the mails of a git range. Throws InputError when there is no such file, folder or range, and as `readInfo`,
 * `filesOfFolder` and `mailsOfRange`.
 */
export async function locate(source: string, finding: Finding): Promise<SourceFiles> {
  const entry = await stat(source).catch(() => undefined);
  if (entry?.isDirectory()) {
    const info = await readInfo(source);
    return { ...(await filesOfFolder(source, finding.version, finding.note)), ...(info ? { info } : {}) };
  }
  if (entry) return { files: [{ path: source, where: source }] };
  if (isRange(source)) return mailsOfRange(source, finding);
  const isLink = (await lstat(source).catch(() => undefined))?.isSymbolicLink();
  const what = isLink
    ? 'it is a link to a file that does not exist'
    : 'there is no such file, folder or git range';
  throw new InputError({ what, where: source });
}
