import { bootGuest, probeAccel, scratchFolder } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import type { StageContext } from '../model/event.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Guest } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import type { Series } from '../model/series.ts';
import { prepareKernels } from './kernels.ts';
import { RECIPE } from './run.ts';

/**
 * Builds the kernel (patched when there is a series), boots one guest and hands it to `use`; the guest is gone when this
 * returns. Throws VerdictError when the series does not apply, build or boot.
 */
export async function inFreshGuest<T>(
  plan: Plan,
  profile: GuestProfile,
  stack: readonly Series[],
  use: (guest: Guest) => Promise<T>,
  ctx: StageContext,
): Promise<T> {
  const kernel = (await prepareKernels(plan, stack, ctx)).at(-1);
  if (!kernel?.build) throw kernel?.failure ?? new Error('no kernel was prepared');
  const image = await ensureImage(RECIPE, ctx);
  const accel = plan.accel ?? (await probeAccel(ctx)).accel;
  await using scratch = await scratchFolder('guest');
  await using guest = await bootGuest(
    {
      name: `${kernel.name}/${profile.name}`,
      profile,
      kernel: { vmlinux: kernel.build.vmlinux, bzImage: kernel.build.bzImage },
      image,
      accel,
      dir: scratch.dir,
      bootTimeoutMs: plan.bootTimeoutMs,
      kernelArgs: plan.kernelArgs,
      qemuArgs: plan.qemuArgs,
    },
    ctx,
  );
  // Awaited here: the guest must outlive the use.
  return await use(guest);
}
