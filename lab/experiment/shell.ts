import { installModules } from '../cell/modules.ts';
import { Resources } from '../core/resource.ts';
import { clockArguments, registerGuest, scratchFolder, startGuest } from '../guest/index.ts';
import { findKernel } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Guest } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import type { Series } from '../model/series.ts';
import { prepareKernels } from './kernels.ts';
import { meanwhile } from './meanwhile.ts';
import { openSession, templatesOf } from './session.ts';
import { checkPlan } from './validate.ts';

/**
 * Builds the kernel (patched when there is a series), boots one guest and hands it to `use` with the id by which other processes find
 * it (`runningGuests`); the guest is gone when this returns. Throws VerdictError when the series does not apply, build or boot, InputError for a plan that is wrong.
 */
export async function inFreshGuest<T>(
  plan: Plan,
  profile: GuestProfile,
  stack: readonly Series[],
  use: (guest: Guest, id: string) => Promise<T>,
  ctx: StageContext,
): Promise<T> {
  await checkPlan(plan, ctx);
  const boot = async (session: ReturnType<typeof openSession>, own: StageContext) => {
    const kernel = (await prepareKernels(plan, stack, () => {}, own)).at(-1);
    if (!kernel?.build) throw kernel?.failure ?? new Error('no kernel was prepared');
    const { image, accel } = await session;
    await using scratch = await scratchFolder('guest');
    const request = {
      ...{ name: `${kernel.name}/${profile.name}`, profile, image, accel: accel.kind, dir: scratch.dir },
      ...{
        kernel: { vmlinux: kernel.build.vmlinux, key: kernel.build.key },
        bootTimeoutMs: plan.bootTimeoutMs,
      },
      ...{ kernelArgs: plan.kernelArgs, qemuArgs: plan.qemuArgs },
      clockArgs: await clockArguments(ctx, accel.kind),
    };
    // Of a template that an earlier run has left, if there is one.
    await using resources = new Resources();
    const guest = resources.use(await startGuest(request, templatesOf(plan, resources, ctx), ctx));
    const stored = await findKernel(kernel.build.key);
    if (stored) await installModules(guest, stored, scratch.dir, ctx);
    // Awaited here: the guest must outlive the use.
    return await use(guest, await registerGuest(scratch.dir, guest));
  };
  return meanwhile((own) => openSession({ ...plan, pairs: [], sources: [] }, own), boot, ctx);
}
