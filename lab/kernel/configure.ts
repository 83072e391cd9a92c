import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { failureOf } from './failure.ts';
import { make } from './make.ts';
import { readRegularFile, replaceFile } from './regular-file.ts';
import type { ResolvedRequest } from './request.ts';
import type { Toolchain } from './toolchain.ts';

/**
 * Runs Kconfig on the checked-out tree, in `workDir/config`, and returns the finished config. Callers hold `lock(workDir)`. Throws
 * VerdictError `build-failed` when the tree's Kconfig is broken, LabError when the machine is at fault.
 */
export async function configure(
  { name, workDir }: SourceTree,
  request: ResolvedRequest,
  tools: Toolchain,
  ctx: StageContext,
): Promise<string> {
  const source = join(workDir, 'tree');
  const objects = join(workDir, 'config');
  const logFile = join(workDir, 'config.log');
  const config = join(objects, '.config');
  await mkdir(objects, { recursive: true });
  await Promise.all([rm(config, { force: true }), rm(logFile, { force: true })]);
  const makeTarget = async (target: string) => {
    const settings = { jobs: 1, tools, signal: ctx.signal, policy: ctx, logFile };
    const code = await make({ tree: source, objects, targets: [target], ...settings });
    if (code !== 0) throw failureOf(name, await readFile(logFile, 'utf8'), [source, objects]);
  };
  if ('target' in request.start) await makeTarget(request.start.target);
  const start = 'text' in request.start ? request.start.text : await readRegularFile(config);
  await replaceFile(config, `${start}\n${request.text}`);
  await makeTarget('olddefconfig');
  return readRegularFile(config);
}
