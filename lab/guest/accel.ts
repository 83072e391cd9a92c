import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { z } from 'zod';
import { type Arch, hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import type { AccelChoice } from '../model/machine.ts';
import { machineFact } from './machine-fact.ts';
import { runProbe } from './probe.ts';

/** Ten times what the probe takes under emulation. */
const DEADLINE_MS = 10_000;

const StoredChoice: z.ZodType<AccelChoice> = z.object({ accel: z.enum(['kvm', 'tcg']), reason: z.string() });

async function choose(arch: Arch, signal: AbortSignal): Promise<AccelChoice> {
  const { failure } = await runProbe(arch, { probe: 'accel', accel: 'kvm', deadlineMs: DEADLINE_MS }, signal);
  return failure === undefined
    ? { accel: 'kvm', reason: 'a guest ran with it' }
    : { accel: 'tcg', reason: `/dev/kvm opens, but no guest runs with it: ${failure}` };
}

/**
 * Finds out whether guests can use KVM by running one: `/dev/kvm` may open and every guest fail all the same. The choice is kept
 * in the cache. Throws LabError without QEMU.
 */
export async function probeAccel({ signal }: StageContext): Promise<AccelChoice> {
  const arch = hostArch();
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!opens) return { accel: 'tcg', reason: '/dev/kvm does not exist or may not be opened' };
  const find = () => choose(arch, signal);
  return machineFact({ name: 'accel', schema: StoredChoice, find }, arch, signal);
}
