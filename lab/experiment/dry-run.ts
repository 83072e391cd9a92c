import { qemuCommand } from '../guest/index.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Accel } from '../model/machine.ts';
import type { Plan, Side } from '../model/plan.ts';
import type { Series } from '../model/series.ts';
import { cellsOf } from '../plan/plan.ts';
import { DEFAULT_KERNEL } from '../source/index.ts';
import { sideWithout } from './kernels.ts';

export interface DryRun {
  kernels: string[];
  config: Plan['config'];
  seed: number;
  cells: { name: string; timeoutSeconds: number; command: string[] }[];
}

/**
 * The command line of a guest that nobody boots. What only exists later stands in angle brackets: kernel and image are found by
 * content, the folder of drives and sockets is new for each boot.
 */
export function dryCommand(
  kernel: string,
  profile: GuestProfile,
  extra: Pick<Plan, 'kernelArgs' | 'qemuArgs' | 'accel' | 'bootTimeoutMs'>,
): string[] {
  const accel: Accel = extra.accel ?? 'tcg';
  return qemuCommand({
    name: `${kernel}/${profile.name}`,
    profile,
    kernel: { vmlinux: `<kernel ${kernel}>/vmlinux`, bzImage: `<kernel ${kernel}>/bzImage` },
    image: { recipe: 'minimal', key: '', path: '<image minimal>' },
    accel,
    dir: '<boot folder>',
    bootTimeoutMs: extra.bootTimeoutMs,
    kernelArgs: extra.kernelArgs,
    qemuArgs: extra.qemuArgs,
  });
}

/** Names of the kernels of a plan, base first. */
function kernelNames(plan: Plan, stack: readonly Series[]): { name: string; side: Side }[] {
  const series = stack.at(-1);
  return plan.sources.flatMap(({ tree, kernel = DEFAULT_KERNEL }, index) => {
    const base = { name: tree ?? kernel, side: sideWithout(series, index) };
    if (!series) return [base];
    const patched = { name: `${base.name}+${series.name}`, side: 'patched' as const };
    return plan.withBase ? [base, patched] : [patched];
  });
}

/** What a run would do, without doing any of it. */
export function dryRun(plan: Plan, stack: readonly Series[]): DryRun {
  const kernels = kernelNames(plan, stack);
  return {
    kernels: kernels.map(({ name }) => name),
    config: plan.config,
    seed: plan.seed,
    cells: cellsOf(plan, kernels).map(({ name, kernel, guest, suite }) => ({
      name,
      timeoutSeconds: suite.timeoutSeconds,
      command: dryCommand(kernel, guest, plan),
    })),
  };
}
