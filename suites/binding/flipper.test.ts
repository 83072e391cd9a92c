/** The thread that rewrites SQEs while they are submitted, on the io_uring of the host. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { TestRing } from '../lib/ring.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { Flipper, loadBinding } from './index.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());
const open = () => new TestRing(uapi, { shape: 'plain', entries: 2 });

/** Waits until `holds`, which a thread of the lowest priority has to bring about on a busy machine. */
async function eventually(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 20_000; !holds(); await delay(1))
    if (performance.now() > deadline) throw new Error(`not after 20 s: ${holds}`);
}

t.test('a flipper writes each value in turn to all places and counts, until it is stopped', async (t) => {
  using ring = open();
  const bytes = new Uint8Array(ring.sqes);
  using flipper = new Flipper(ring, [3, 70], [11, 22, 33]);
  const seen = [3, 70].map(() => new Set<number>());
  await eventually(() => {
    [3, 70].forEach((place, index) => {
      for (let read = 0; read < 1000; read++) seen[index]?.add(bytes[place] ?? -1);
    });
    return seen.every((values) => [11, 22, 33].every((value) => values.has(value)));
  });
  const flips = flipper.stop();
  t.ok(flips >= 3, `${flips} flips`);
  t.ok([11, 22, 33].includes(bytes[3] ?? 0), 'the byte keeps one of the values');
  bytes.fill(0);
  await delay(20);
  t.ok(
    bytes.every((byte) => byte === 0),
    'nothing is written after the stop',
  );
  t.equal(flipper.stop(), flips, 'a second stop changes nothing');
});

t.test('requests whose opcode is flipped end as one or the other, and both are seen', async (t) => {
  using ring = open();
  const NOP = uapi.constant('IORING_OP_NOP');
  const { offset } = uapi.field('io_uring_sqe', 'opcode');
  // No kernel has an opcode 255: it fails with EINVAL.
  using flipper = new Flipper(ring, [offset, 64 + offset], [NOP, 255]);
  const results = new Set<number>();
  let count = 0;
  await eventually(() => {
    for (let round = 0; round < 200; round++) {
      ring.sqe({ opcode: NOP });
      ring.submit();
      for (const { res } of ring.reap()) results.add(res);
      count++;
    }
    return results.size > 1;
  });
  t.same([...results].sort(), [-22, 0], `results of ${count} requests`);
  t.ok(flipper.flips > 0);
});

/** Mappings of rings in this process. */
const ringMappings = () => readFileSync('/proc/self/maps', 'utf8').split('[io_uring]').length - 1;

t.test('a flipper may outlive its ring, and unmaps the SQEs when it is disposed', async (t) => {
  const before = ringMappings();
  const ring = open();
  const flipper = new Flipper(ring, [0], [0, 1]);
  ring.close();
  const { flips } = flipper;
  await eventually(() => flipper.flips > flips);
  flipper[Symbol.dispose]();
  const stopped = flipper.flips;
  await delay(20);
  t.equal(flipper.flips, stopped, 'flips after the thread has ended');
  await eventually(() => ringMappings() <= before);
});

t.test('places outside the SQEs and values that are no bytes are refused', (t) => {
  using ring = open();
  for (const place of [128, -1, 0.5])
    t.throws(() => new Flipper(ring, [place], [0, 1]), RangeError, `place ${place}`);
  for (const value of [256, -1, 0.5])
    t.throws(() => new Flipper(ring, [0], [0, value]), RangeError, `value ${value}`);
  t.throws(() => new Flipper(ring, [], [0, 1]), RangeError, 'no place');
  t.throws(() => new Flipper(ring, [0], [1]), RangeError, 'one value');
  ring.close();
  t.throws(() => new Flipper(ring, [0], [0, 1]), 'closed ring');
  t.end();
});
