import { buildRequested, buildSteps } from '../experiment/build.ts';
import type { StepBuild } from '../kernel/index.ts';
import type { KernelBuild } from '../model/kernel.ts';
import { checkOptions } from './check.ts';
import { inContext } from './context.ts';
import type { BuildOptions } from './options.ts';
import { kernelRequest } from './request.ts';

const requestOf = ({ kernel, ...options }: BuildOptions) =>
  kernelRequest({ ...options, kernels: kernel === undefined ? [] : [kernel] });

/**
 * Builds a kernel, with a series on top where there is one; a kernel that was built before comes from the cache. Throws InputError for
 * wrong options, and VerdictError when the series does not apply (`apply-failed`) or the kernel does not build (`build-failed`), with
 * the rejected hunk or the compiler's output as `detail`.
 *
 * @example
 * const { vmlinux, newWarnings } = await buildKernel({ series: 'sqe-group', debug: true });
 */
export async function buildKernel(options: BuildOptions = {}): Promise<KernelBuild> {
  checkOptions('build', options, 'buildKernel(options)');
  return inContext(options, (ctx) => buildRequested(requestOf(options), ctx));
}

/**
 * Builds the kernel without the series, and then after each of its patches. A patch after which the kernel does not build is in the
 * result (`ok: false`) and the next is built. Throws as `buildKernel` otherwise.
 *
 * @example
 * const steps = await buildEach({ series: './my-patches' });
 * const broken = steps.find(({ ok }) => !ok);
 * if (broken) console.log(`${broken.name}: ${broken.error?.detail}`);
 */
export async function buildEach(options: BuildOptions = {}): Promise<StepBuild[]> {
  checkOptions('build', options, 'buildEach(options)');
  return inContext(options, (ctx) => buildSteps(requestOf(options), ctx));
}
