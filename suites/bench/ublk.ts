import { fillPattern, pattern, runScript, type Test, test } from '../lib/index.ts';
import { served, temporary } from '../lib/ublk/setup.ts';
import { deviceTarget, fileTarget } from '../lib/ublk/target.ts';
import { COPYING, how, LENDING, type Way } from '../lib/ublk/way.ts';
import { countWork } from './figures.ts';
import { COUNTING, DEFERRED, type Work } from './loaded.ts';
import { largestOf, settle, unscheduled } from './queue.ts';
import { type Cost, note } from './ublk-order.ts';
import { asking, Cycle, copying, lending, type Moving, openClient } from './ublk-turn.ts';

const WAYS = {
  'user copy': { way: COPYING, moving: copying },
  'zero copy': { way: LENDING, moving: lending },
} satisfies Record<Cost['how'], { way: Way; moving: Moving }>;

/**
 * Turns of a round. Now and then, whatever the kernel and the way, the drive's request is 230 instructions cheaper for up to 16 turns on
 * end. That must not be most of a round. (Perhaps bios from the CPU's cache of them, which are 16 at a time: nobody has looked.)
 */
const LEAST = 48;

/** Less than what a worker of io_uring takes for a request, in instructions: none is to do part of the work unseen. */
const ELSEWHERE = 500;

type Load = Pick<Cost, 'kind' | 'bytes' | 'how'>;

/** A device over the drive, and a request of it in hand; it is answered, and seen to be complete, by `end`. */
async function setUp(t: Test, { kind, bytes, how: name }: Load) {
  const { way, moving } = WAYS[name];
  const device = t.device('data');
  const most = largestOf(device.block);
  if (bytes > most)
    t.skip(`the drive takes requests of ${most >> 10}k at most: a worker would split this one`);
  const target = deviceTarget(t, device);
  const { server, client: user } = await served(t, { ...how(way), target, depth: 1 });
  unscheduled(server.path);
  const held = server.holdBack();
  const client = openClient(t, bytes);
  const place = { kind, length: bytes, offset: 0 };
  client.ring.sqe({ ...asking(client, user.file.fd, place), userData: bytes });
  client.ring.submit();
  const [request] = await held.arrived();
  const [queue] = server.queues;
  if (!request || !queue) throw new Error('no request');
  t.equal(request.length, bytes, 'the request was split');
  const cycle = new Cycle(t, client, { queue, request, fd: user.file.fd }, moving);
  const end = async () => {
    held.release();
    const [last] = await cycle.client.ring.wait();
    t.equal(last?.res, bytes);
  };
  return { cycle, target, end };
}

/** Sees that data comes through, by the same calls but to or from a file: a drive that only answers keeps nothing. */
function check(t: Test, cycle: Cycle, { kind, bytes }: Load): void {
  const file = fileTarget(t, temporary(t), bytes);
  const { memory } = cycle.client;
  const there = new Uint8Array(bytes);
  if (kind === 'read') file.file.write(pattern(bytes, 1), 0);
  else fillPattern(memory.bytes, 1);
  cycle.begin(file).end();
  if (kind === 'write') file.file.read(there, 0);
  t.bytes(kind === 'read' ? memory.bytes : there, pattern(bytes, 1), 'the data');
}

/**
 * What a whole I/O costs in this thread: the client's calls, the driver, the server's calls. The thread sleeps while the drive works,
 * and what interrupts do meanwhile (the end of the drive's request, which wakes it) is not in the figure.
 */
function bench(load: Load): void {
  const { kind, bytes, how: name } = load;
  const { way } = WAYS[name];
  const needs = { ...way.needs, uapi: [...(way.needs.uapi ?? []), ...DEFERRED], facts: COUNTING };
  test(`ublk ${kind} ${bytes >> 10}k ${name}`, needs, async (t) => {
    const { cycle, target, end } = await setUp(t, load);
    check(t, cycle, load);
    const all = { turns: 0, copied: 0, elsewhere: Number.POSITIVE_INFINITY };
    const begin = (): Work => {
      settle(t, t.device('data'));
      const { steps, end } = cycle.begin(target);
      const run = (samples: Float64Array) => {
        const { cpu, others, copied } = runScript(steps, samples);
        all.turns += samples.length;
        all.copied += copied;
        all.elsewhere = Math.min(all.elsewhere, others / samples.length);
        return cpu;
      };
      const clock = (samples: Float64Array) => void runScript([], samples);
      return { name: 'io', depth: 1, calls: steps.length, least: LEAST, run, clock, end };
    };
    const { submit } = countWork(t, begin, bytes / 4096);
    t.ok(all.elsewhere < ELSEWHERE, `other threads took ${all.elsewhere} instructions for each`);
    const copied = all.copied / all.turns;
    t.metric({ name: 'copied', value: copied, unit: 'bytes', better: 'lower' });
    note({ ...load, instructions: submit, copied });
    await end();
  });
}

export function benchUblk(): void {
  for (const kind of ['read', 'write'] as const)
    for (const size of [4, 64, 512])
      for (const name of ['user copy', 'zero copy'] as const) bench({ kind, bytes: size << 10, how: name });
}
