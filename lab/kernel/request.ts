import type { KernelConfigRequest } from '../model/kernel.ts';

/** Fragments under kernels/fragments that every kernel of the lab has, in order. */
const usual = ['guest', 'nvme', 'iommu', 'io_uring', 'fault'] as const;

/** The configuration of a run that asks for nothing else: tinyconfig with the usual fragments. */
export function defaultConfig(debug: boolean): KernelConfigRequest {
  return { start: 'tinyconfig', fragments: debug ? [...usual, 'debug'] : [...usual], debug };
}
