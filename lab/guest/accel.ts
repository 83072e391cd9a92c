import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { cpus, release, version } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, lock } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { tryGuest } from './accelprobe.ts';
import { QEMU } from './command.ts';

/** Ten times what the probe takes by emulation. */
const DEADLINE_MS = 10_000;

const Answer = z.object({ accel: z.enum(['kvm', 'tcg']), reason: z.string() });
/** How guests are run here, and why. */
export type AccelFound = z.infer<typeof Answer>;

async function remembered(file: string): Promise<AccelFound | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // A damaged answer is asked for again.
  try {
    return Answer.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function ask(signal: AbortSignal): Promise<AccelFound> {
  const failure = await tryGuest('kvm', DEADLINE_MS, signal);
  return failure === undefined
    ? { accel: 'kvm', reason: 'a guest ran with it' }
    : { accel: 'tcg', reason: `/dev/kvm opens, but no guest runs with it: ${failure}` };
}

/**
 * Says whether guests can use KVM, by running one: `/dev/kvm` may open and every guest die. The answer is kept in the cache for
 * as long as kernel, CPU and QEMU stay the same. Throws LabError without QEMU.
 */
export async function probeAccel(ctx: StageContext): Promise<AccelFound> {
  const { stdout } = await run(QEMU, ['--version'], { signal: ctx.signal });
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!opens) return { accel: 'tcg', reason: '/dev/kvm is not there or may not be opened' };
  const folder = join(cacheRoot(), 'accel');
  const file = join(
    folder,
    `${hashOf(release(), version(), cpus()[0]?.model ?? '', stdout).slice(0, 16)}.json`,
  );
  await using _held = await lock(folder, ctx.signal);
  const known = await remembered(file);
  if (known) return known;
  const found = await ask(ctx.signal);
  await writeJson(file, found);
  return found;
}
