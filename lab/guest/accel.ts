import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { cpus, release, version } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { run } from '../core/process.ts';
import { type Arch, hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import type { AccelChoice } from '../model/machine.ts';
import { tryGuest } from './accel-probe.ts';

/** Ten times what the probe takes under emulation. */
const DEADLINE_MS = 10_000;

const StoredChoice: z.ZodType<AccelChoice> = z.object({ accel: z.enum(['kvm', 'tcg']), reason: z.string() });

async function readChoice(file: string): Promise<AccelChoice | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // A damaged file is treated as absent: the probe runs again.
  try {
    return StoredChoice.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function choose(arch: Arch, signal: AbortSignal): Promise<AccelChoice> {
  const failure = await tryGuest(arch, 'kvm', DEADLINE_MS, signal);
  return failure === undefined
    ? { accel: 'kvm', reason: 'a guest ran with it' }
    : { accel: 'tcg', reason: `/dev/kvm opens, but no guest runs with it: ${failure}` };
}

/**
 * Finds out whether guests can use KVM by running one: `/dev/kvm` may open and every guest fail all the same. The choice is kept
 * in the cache while kernel, CPU and QEMU stay the same. Throws LabError without QEMU.
 */
export async function probeAccel(ctx: StageContext): Promise<AccelChoice> {
  const arch = hostArch();
  const { stdout: qemuVersion } = await run(arch.qemu.system, ['--version'], { signal: ctx.signal });
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!opens) return { accel: 'tcg', reason: '/dev/kvm does not exist or may not be opened' };
  const folder = join(cacheRoot(), 'accel');
  const machineKey = hashOf(release(), version(), cpus()[0]?.model ?? '', qemuVersion).slice(0, 16);
  const file = join(folder, `${machineKey}.json`);
  await using _held = await lock(folder, ctx.signal);
  const stored = await readChoice(file);
  if (stored) return stored;
  const choice = await choose(arch, ctx.signal);
  await writeJson(file, choice);
  return choice;
}
