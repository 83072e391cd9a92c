import { join } from 'node:path';
import { cacheRoot } from '../core/cache.ts';
import { projectRoot } from '../core/paths.ts';
import type { StageContext } from '../model/event.ts';
import type { AccelFound, Finding } from './finding.ts';
import { examineDisk, examineIoUring, examineMemory, examineNode, examineSandbox } from './host.ts';
import { examineQemu } from './qemu.ts';
import { examineSources } from './sources.ts';
import { examineTools } from './tools.ts';

export type { AccelFound, Finding } from './finding.ts';

export interface DoctorOptions {
  /** Finds out by starting a guest whether KVM works; handed in because stages do not import one another. */
  probeAccel: (ctx: StageContext) => Promise<AccelFound>;
  /** Default: the cache of this user. */
  cacheDir?: string;
  /** Bytes; default 10 GiB, what base, patched, image and sources of one kernel take with room to spare. */
  diskNeed?: number;
  /** Bytes; default 1.8 GiB: a guest of 1 GiB and a compiler beside it. */
  memoryNeed?: number;
  sourcesFile?: string;
  /** Where Debian's source packages put their tarballs. */
  srcDir?: string;
}

/**
 * Examines this machine: one finding a need, in the order of the work (host, QEMU, tools, sources). What is missing is a
 * finding, never an error; throws only the abort reason, or InputError for a wrong sources file.
 */
export async function examine(ctx: StageContext, options: DoctorOptions): Promise<Finding[]> {
  const { probeAccel, cacheDir = cacheRoot(), diskNeed = 10 * 2 ** 30, memoryNeed = 1.8 * 2 ** 30 } = options;
  const { sourcesFile = join(projectRoot, 'kernels/sources.yaml'), srcDir = '/usr/src' } = options;
  const groups = await Promise.all([
    examineNode(),
    examineMemory(memoryNeed),
    examineDisk(cacheDir, diskNeed),
    examineQemu(ctx, probeAccel),
    examineTools(ctx),
    examineSandbox(ctx),
    examineSources(sourcesFile, srcDir),
    examineIoUring(),
  ]);
  return groups.flat();
}
