import { join } from 'node:path';
import { cacheRoot } from '../core/cache.ts';
import { projectRoot } from '../core/paths.ts';
import type { StageContext } from '../model/event.ts';
import { USER_SOURCES } from '../model/kernel.ts';
import type { Finding, Probers } from './finding.ts';
import { examineDisk, examineIoUring, examineMemory, examineNode } from './host.ts';
import { examineQemu } from './qemu.ts';
import { examineSandbox } from './sandbox.ts';
import { examineSources } from './sources.ts';
import { examineTools } from './tools.ts';

export type { Finding } from './finding.ts';

/** What is examined, and against which limits. */
export interface DoctorOptions extends Probers {
  /** Default: the cache of this user. */
  cacheDir?: string;
  /** Bytes; default 10 GiB: sources, base, patched kernel and image of one series take less. */
  diskNeed?: number;
  /** Bytes; default 1.8 GiB: a guest of 1 GiB and a compiler beside it. */
  memoryNeed?: number;
  /** Default: kernels/sources.yaml. The user's sources in the cache are examined besides. */
  sourcesFile?: string;
  /** Where Debian's source packages install their tarballs; default /usr/src. */
  srcDir?: string;
  /** Where the keys of Debian's archive are; default /usr/share/keyrings. */
  keyringDir?: string;
}

/**
 * Examines this machine: a finding for each need, in the order host, QEMU, tools, sandbox, sources. A missing need is a finding,
 * not an error. Throws the abort reason, InputError for a malformed sources file, LabError for an unknown architecture.
 *
 * @example
 * const findings = await examine(ctx, { probeAccel, trySandbox });
 * const canRun = findings.every(({ ok, level }) => ok || level === 'optional');
 */
export async function examine(ctx: StageContext, options: DoctorOptions): Promise<Finding[]> {
  const { probeAccel, trySandbox, cacheDir = cacheRoot(), diskNeed = 10 * 2 ** 30 } = options;
  const { memoryNeed = 1.8 * 2 ** 30, srcDir = '/usr/src' } = options;
  const { keyringDir = '/usr/share/keyrings' } = options;
  const { sourcesFile = join(projectRoot, 'kernels/sources.yaml') } = options;
  const groups = await Promise.all([
    examineNode(),
    examineMemory(memoryNeed),
    examineDisk(cacheDir, diskNeed),
    examineQemu(ctx, probeAccel),
    examineTools(ctx),
    examineSandbox(ctx, trySandbox),
    examineSources([sourcesFile, join(cacheDir, USER_SOURCES)], { srcDir, keyringDir }),
    examineIoUring(),
  ]);
  return groups.flat();
}
