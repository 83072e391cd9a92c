import { clockArguments, probeAccel, qemuCommand } from '../guest/index.ts';
import { nameOfCell } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Accel } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import type { Series } from '../model/series.ts';
import type { Suite } from '../model/suite.ts';
import { sourceName } from '../source/index.ts';
import { imageName } from './images.ts';
import { plannedKernels } from './kernels.ts';
import { checkPlan } from './validate.ts';

/** What a run would do. */
export interface DryRun {
  kernels: string[];
  config: Plan['config'];
  seed: number;
  cells: { name: string; timeoutSeconds: number; command: string[] }[];
}

/**
 * The command line of a guest that is not booted. What exists only later stands in angle brackets: kernel and image are found by
 * content, the folder of drives and sockets is new for each boot.
 */
function commandOf(
  kernel: string,
  profile: GuestProfile,
  { accel, clockArgs }: { accel: Accel; clockArgs: readonly string[] },
  plan: Plan,
  suite?: Suite,
): string[] {
  const { kernelArgs, qemuArgs, bootTimeoutMs } = plan;
  const image = imageName(plan, suite);
  return qemuCommand({
    ...{ name: `${kernel}/${profile.name}`, profile, accel, kernelArgs, qemuArgs, bootTimeoutMs },
    kernel: { vmlinux: `<kernel ${kernel}>/vmlinux` },
    image: { recipe: image, key: '', path: `<image ${image}>` },
    dir: '<boot folder>',
    clockArgs,
  });
}

/** The accelerator of this machine, or as requested, and the clock of its guests. */
async function emulationOf(plan: Plan, ctx: StageContext) {
  const accel = plan.accel ?? (await probeAccel(ctx)).accel;
  return { accel, clockArgs: await clockArguments(ctx, accel) };
}

/** Names of the kernels of a plan, base first. */
async function kernelNames(plan: Plan, stack: readonly Series[], ctx: StageContext): Promise<string[]> {
  const bases = await Promise.all(plan.sources.map((source) => sourceName(source, ctx.signal)));
  return plannedKernels(bases, plan, stack).map(({ name }) => name);
}

/**
 * What a run would do: kernels, and each cell with its exact QEMU command line for the accelerator of this machine. Nothing is
 * unpacked, built or booted but the probes of accelerator and clock. Throws InputError for a plan that is wrong.
 */
export async function dryRun(plan: Plan, stack: readonly Series[], ctx: StageContext): Promise<DryRun> {
  await checkPlan(plan, ctx);
  const emulation = await emulationOf(plan, ctx);
  const kernels = await kernelNames(plan, stack, ctx);
  const repeats = Array.from({ length: plan.repeats }, (_, index) => index + 1);
  const cells = plan.pairs.flatMap(({ profile, suite }) =>
    repeats.flatMap((repeat) =>
      kernels.map((kernel) => ({
        name: nameOfCell({ kernel, profile: profile.name, suite: suite.name, repeat }),
        timeoutSeconds: suite.timeoutSeconds,
        command: commandOf(kernel, profile, emulation, plan, suite),
      })),
    ),
  );
  return { kernels, config: plan.config, seed: plan.seed, cells };
}

/** As `dryRun`, for the guest of a shell: its command line alone. */
export async function dryShell(
  plan: Plan,
  profile: GuestProfile,
  stack: readonly Series[],
  ctx: StageContext,
): Promise<string[]> {
  await checkPlan(plan, ctx);
  const emulation = await emulationOf(plan, ctx);
  const kernel = (await kernelNames(plan, stack, ctx)).at(-1) ?? '';
  return commandOf(kernel, profile, emulation, plan);
}
