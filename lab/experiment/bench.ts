import { InputError } from '../core/errors.ts';
import type { BenchSettings } from '../model/run.ts';
import type { MatrixRequest } from './request.ts';

/** Boots of each kernel and guest in a benchmark by default. */
export const BENCH_REPEATS = 3;

/**
 * The request of a benchmark: the suite `bench` unless others are named, and for the clock `instructions` the accelerator TCG, the
 * only one that counts them. Throws InputError when KVM is requested with that clock.
 */
export function benchRequest(request: MatrixRequest, bench: BenchSettings): MatrixRequest {
  const { suites, accel, repeats = BENCH_REPEATS } = request;
  const counts = bench.clock === 'instructions';
  if (counts && accel === 'kvm')
    throw new InputError({
      what: 'KVM does not count instructions',
      where: '--accel kvm',
      expected: '--clock time, or no accelerator',
    });
  return {
    ...request,
    ...{ repeats, bench, accel: counts ? 'tcg' : accel },
    suites: suites.length > 0 ? suites : ['bench'],
  };
}
