import type { CellSpec } from '../../model/cell.ts';
import { GuestProfile } from '../../model/guest.ts';
import type { Plan } from '../../model/plan.ts';
import { SuiteInfo } from '../../model/suite.ts';

const suite = { ...SuiteInfo.parse({ name: 'passthrough', summary: 's' }), dir: '' };
const profile = GuestProfile.parse({ name: 'plain', summary: 'one NVMe drive' });

/** A plan of one pair, suite `passthrough` on the guest profile `plain`. */
export const planOf = (): Plan => ({
  ...{ sources: [], withBase: true, repeats: 1, jobs: 1, only: [], seed: 1 },
  config: { start: 'tinyconfig', fragments: [], debug: false },
  pairs: [{ profile, suite }],
  ...{ kernelArgs: [], qemuArgs: [], known: [], bootTimeoutMs: 60_000 },
});

/** The spec of the cell of a kernel in that plan. */
export const specOf = (kernel: string): CellSpec =>
  ({
    format: 1,
    kernel: { id: kernel, key: '0'.repeat(16), debug: false },
    ...{ side: 'base', image: { recipe: 'minimal', key: '0'.repeat(16) }, profile, suite },
    ...{ payload: { kind: 'agent', key: '0'.repeat(16) }, accel: 'tcg', seed: 1, only: [] },
    ...{ kernelArgs: [], qemuArgs: [], deadlines: { bootMs: 1, suiteMs: 1, testMs: 1 }, known: [] },
    ...{ repeat: 1, attempt: 1 },
  }) as CellSpec;
