import { buildKernel, defaultConfig } from '../../kernel/index.ts';
import type { StageContext } from '../../model/event.ts';
import { resolveSource } from '../../source/index.ts';

/** vmlinux of the default base kernel, built now unless it is known; `RINGLAB_TEST_VMLINUX` names another one. */
export async function testVmlinux(ctx: StageContext): Promise<string> {
  const given = process.env.RINGLAB_TEST_VMLINUX;
  if (given) return given;
  const { vmlinux } = await buildKernel(await resolveSource({}, ctx), defaultConfig(false), ctx);
  return vmlinux;
}
