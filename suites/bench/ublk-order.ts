import { test } from '../lib/index.ts';
import { LENDING } from '../lib/ublk/way.ts';
import { COUNTING } from './loaded.ts';

/** What an I/O of a ublk device cost in this run. */
export interface Cost {
  kind: 'read' | 'write';
  bytes: number;
  how: 'user copy' | 'zero copy';
  instructions: number;
  /** Bytes that the server copied for each. */
  copied: number;
}

const costs: Cost[] = [];

export function note(cost: Cost): void {
  costs.push(cost);
}

/** What was measured both ways. */
function pairs(): { what: string; bytes: number; user: Cost; zero: Cost }[] {
  return costs.flatMap((zero) => {
    const { kind, bytes } = zero;
    const user = costs.find((one) => one.how === 'user copy' && one.kind === kind && one.bytes === bytes);
    if (zero.how !== 'zero copy' || !user) return [];
    return [{ what: `${kind} ${bytes >> 10}k`, bytes, user, zero }];
  });
}

/** Small requests are told of only: what a group costs is about what it costs to copy one page. */
const LARGE = 64 << 10;

/** Of what was measured before. */
export function orderUblk(): void {
  const needs = { ...LENDING.needs, facts: COUNTING };
  test(
    'order: ublk zero copy copies nothing, and a large transfer costs less than with user copy',
    needs,
    (t) => {
      const compared = pairs();
      if (compared.length === 0) t.skip('no transfer was measured with both ways');
      for (const { what, bytes, user, zero } of compared) {
        t.equal(user.copied, bytes, `${what}: user copy copied`);
        t.equal(zero.copied, 0, `${what}: zero copy copied`);
        const share = zero.instructions / user.instructions - 1;
        t.note(`${what}: zero copy ${(share * 100).toFixed(1)}%`);
        if (bytes >= LARGE)
          t.ok(share < 0, `${what}: zero copy ${zero.instructions}, user copy ${user.instructions}`);
      }
    },
  );
}
