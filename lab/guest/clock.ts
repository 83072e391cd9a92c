import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Arch, hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import type { Accel } from '../model/machine.ts';
import { rateOf } from './clock-rate.ts';
import { machineFact } from './machine-fact.ts';
import { runProbe } from './probe.ts';

/** The probe takes 0.4 s on an idle machine. */
const DEADLINE_MS = 20_000;
/** Attempts to measure, each of which a busy host may spoil. */
const ATTEMPTS = 3;

/** Kernel arguments; none where the rate could not be measured. */
const StoredArguments = z.array(z.string());

/** Another boot of the host may be on another machine. */
const bootId = () => readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');

async function measure(arch: Arch, argument: string, signal: AbortSignal): Promise<string[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const probe = { probe: 'clock', accel: 'tcg', deadlineMs: DEADLINE_MS } as const;
    const result = await runProbe(arch, probe, signal);
    const khz = result.failure === undefined ? rateOf(result.output) : undefined;
    if (khz !== undefined) return [`${argument}=${khz}`];
  }
  return [];
}

async function find({ signal }: StageContext): Promise<readonly string[]> {
  const arch = hostArch();
  const { clockRateArgument: argument } = arch;
  if (argument === undefined) return [];
  const more = await bootId();
  return machineFact(
    { name: 'clock', schema: StoredArguments, more, find: () => measure(arch, argument, signal) },
    arch,
    signal,
  );
}

let known: Promise<readonly string[]> | undefined;

/**
 * Kernel arguments that give guests emulated by TCG the rate of their clock; found once in the life of this process. Otherwise the kernel
 * measures the rate against timers that QEMU emulates: on a busy host a guest took a twelfth of it, so that its clock ran twelve
 * times too fast, and commands and RCU timed out. Throws LabError without QEMU.
 */
export async function clockArguments(ctx: StageContext, accel: Accel): Promise<readonly string[]> {
  if (accel !== 'tcg') return [];
  const finding = known ?? find(ctx);
  known = finding;
  try {
    return await finding;
  } catch (error) {
    // Another caller may have given up.
    if (known === finding) known = undefined;
    throw error;
  }
}
