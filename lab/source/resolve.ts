import { LabError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';

/** Either a name from sources.yaml (`kernel`, default `debian-6.12`), or `tree`: git tree, tarball or folder (`base`: revision). */
export interface SourceRef {
  kernel?: string;
  tree?: string;
  base?: string;
  /** A sources file of the user's own, laid over ours. */
  sourcesFile?: string;
}

export async function listSources(_sourcesFile?: string): Promise<{ name: string; summary: string }[]> {
  throw new LabError('not there yet');
}

export async function resolveSource(ref: SourceRef, _ctx: StageContext): Promise<SourceTree> {
  throw new LabError(`not there yet: ${JSON.stringify(ref)}`);
}
