import { test } from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { INSTRUCTION_CLOCK } from './turns.ts';

/** A kind of I/O on a ublk device that is measured. */
export interface UblkWorkload {
  kind: 'read' | 'write';
  /** Length of a request. */
  bytes: number;
  dataPath: 'user copy' | 'zero copy';
}

/** Cost of one I/O in this run. */
export interface UblkCost extends UblkWorkload {
  instructions: number;
  /** Bytes that the server copied. */
  copied: number;
}

const costs: UblkCost[] = [];

/** Records the cost of a workload for the test that `orderUblk` registers. */
export function recordUblkCost(cost: UblkCost): void {
  costs.push(cost);
}

/** The workloads that were measured with both data paths. */
function pairs(): { workload: string; bytes: number; user: UblkCost; zero: UblkCost }[] {
  return costs.flatMap((zero) => {
    const { kind, bytes } = zero;
    const user = costs.find(
      (cost) => cost.dataPath === 'user copy' && cost.kind === kind && cost.bytes === bytes,
    );
    if (zero.dataPath !== 'zero copy' || !user) return [];
    return [{ workload: `${kind} ${bytes >> 10}k`, bytes, user, zero }];
  });
}

/** From this length on zero copy must be cheaper. Below it the difference is noted only: a group costs about as much as copying a page. */
const LARGE_BYTES = 64 << 10;

/** Registers the test that compares the recorded costs. */
export function orderUblk(): void {
  const needs = { ...ZERO_COPY.needs, facts: INSTRUCTION_CLOCK };
  test('order: ublk zero copy copies no byte, and from 64k on it costs less than user copy', needs, (t) => {
    const measured = pairs();
    if (measured.length === 0) t.skip('no workload was measured with both data paths');
    for (const { workload, bytes, user, zero } of measured) {
      t.equal(user.copied, bytes, `${workload}: bytes that user copy has copied`);
      t.equal(zero.copied, 0, `${workload}: bytes that zero copy has copied`);
      const change = zero.instructions / user.instructions - 1;
      t.note(`${workload}: zero copy ${(change * 100).toFixed(1)}%`);
      if (bytes >= LARGE_BYTES)
        t.ok(
          change < 0,
          `${workload}: zero copy (${zero.instructions} instructions) costs less than user copy (${user.instructions})`,
        );
    }
  });
}
