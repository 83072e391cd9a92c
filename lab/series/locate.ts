import { stat } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import type { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import { filesOfFolder } from './folder.ts';
import { filesOfRange, isRange } from './git-range.ts';
import { readInfo } from './info.ts';
import type { SourceFiles } from './stages.ts';

/**
 * The files of a path or git range. `repo` is the repository of a range; `resources` owns the files that are made for one. Throws
 * InputError when there is no such file, folder or range, and as `readInfo`, `filesOfFolder` and `filesOfRange`.
 */
export async function locate(
  source: string,
  repo: string,
  resources: Resources,
  ctx: StageContext,
): Promise<SourceFiles> {
  const entry = await stat(source).catch(() => undefined);
  if (entry?.isDirectory()) {
    const info = await readInfo(source);
    return { ...(await filesOfFolder(source)), ...(info ? { info } : {}) };
  }
  if (entry) return { files: [{ path: source, where: source }] };
  if (isRange(source)) return filesOfRange(source, repo, resources, ctx);
  throw new InputError({ what: 'there is no such file, folder or git range', where: source });
}
