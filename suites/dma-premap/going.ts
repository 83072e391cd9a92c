import { existsSync } from 'node:fs';
import {
  type Controller,
  Device,
  detached,
  ioMemory,
  mapRange,
  pattern,
  resultName,
  SkipError,
  startChild,
  suite,
  type Test,
  test,
  throttled,
  until,
} from '../lib/index.ts';
import { eachPage, submitReads } from './inflight.ts';
import { Bench, commandsOf, mappedOver, NEEDS, PAGE } from './setup.ts';

const COUNT = 16;
const READ = { kind: 'read' as const, length: PAGE };

function theOnly(bench: Bench): Controller {
  const [controller] = bench.device.controllers;
  if (!controller) throw new Error('no controller');
  return controller;
}

/** The device is there again, and what is mapped for it now is used. */
async function worksAgain(t: Test, medium: Uint8Array): Promise<void> {
  const memory = ioMemory(t, PAGE);
  const bench = mappedOver(t, [memory], medium);
  t.equal(await bench.used(() => bench.io({ ...READ, position: 0 })), 1, 'the new mapping is used');
  t.bytes(memory.bytes, medium.subarray(0, PAGE));
}

/** Waits for the device under its old or a new name. */
const untilBack = (t: Test) =>
  until('the device is back', () => {
    try {
      const device = new Device(t.device('data').info);
      return existsSync(device.block) && device.controllers.every((one) => one.state() === 'live');
    } catch (error) {
      if (error instanceof SkipError) return false;
      throw error;
    }
  });

const ALL = Array.from({ length: COUNT }, (_, page) => page);

suite('devices and processes that go', NEEDS, () => {
  test('a controller reset leaves mappings as they are', async (t) => {
    const memory = ioMemory(t, COUNT * PAGE);
    const medium = pattern(COUNT * PAGE, 12);
    const bench = mappedOver(t, [memory], medium);
    theOnly(bench).reset();
    const used = await bench.used(async () => {
      t.equal((await bench.io({ ...READ, length: memory.length, position: 0 })).res, memory.length);
    });
    t.equal(used, commandsOf(bench.device, memory.length));
    t.bytes(memory.bytes, medium);
  });

  test('a controller reset with I/O in flight: it is done again, on the mapping', async (t) => {
    const memory = ioMemory(t, COUNT * PAGE);
    const medium = pattern(2 * COUNT * PAGE, 13);
    const bench = mappedOver(t, [memory], medium);
    const { lift } = await throttled(t, bench.device, 10);
    t.equal(await submitReads(bench, COUNT), COUNT);
    const again = await bench.used(async () => theOnly(bench).reset());
    await lift();
    const cqes = await bench.ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]));
    t.note(`${again} commands were issued once more`);
    eachPage(t, memory, medium, ALL);
    t.equal(await bench.used(() => bench.io({ ...READ, position: 0 })), 1, 'and later ones use it too');
  });

  test('the driver leaves the device with I/O in flight: that ends well, and the mapping with the device', async (t) => {
    const memory = ioMemory(t, COUNT * PAGE);
    const medium = pattern(2 * COUNT * PAGE, 14);
    const bench = new Bench(t, [memory, ioMemory(t, PAGE)]);
    bench.putOnMedium(0, medium);
    bench.map({ end: 1 });
    await throttled(t, bench.device, 40);
    t.equal(await submitReads(bench, COUNT), COUNT);
    const { comeBack } = detached(theOnly(bench));
    const cqes = await bench.ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]));
    eachPage(t, memory, medium, ALL);
    t.throws(() => bench.map({ start: 1 }), 'ENODEV', 'nothing is mapped for what is gone');
    const late = await bench.io({ ...READ, position: 0 });
    t.note(`I/O on what is gone: ${resultName(late.res)}`);
    t.ok(late.res <= 0, 'I/O on what is gone does nothing');
    // What is held of the mapping ends after the device did.
    bench.unmap();
    bench.ring.close();
    bench.file.close();
    comeBack();
    await untilBack(t);
    await worksAgain(t, medium);
  });

  const canPull = { facts: { hotplug: true } };
  test('a controller pulled out with I/O in flight', canPull, async (t) => {
    const memory = ioMemory(t, COUNT * PAGE, 9);
    const medium = pattern(2 * COUNT * PAGE, 15);
    const bench = mappedOver(t, [memory], medium);
    const { id } = theOnly(bench);
    const { lift } = await throttled(t, bench.device, 10);
    t.equal(await submitReads(bench, COUNT), COUNT);
    await t.lab.host.unplug(id, { abrupt: true });
    const cqes = await bench.ring.wait(COUNT, { timeoutMs: 20_000 });
    await lift();
    t.ok(
      cqes.every(({ res }) => res === PAGE || res === -5),
      cqes.map(({ res }) => resultName(res)).join(' '),
    );
    const done = cqes.filter(({ res }) => res === PAGE).map(({ tag }) => tag);
    t.note(`${done.length} of ${COUNT} were done before`);
    eachPage(t, memory, medium, done);
    bench.unmap();
    bench.ring.close();
    bench.file.close();
    await t.lab.host.replug(id);
    await untilBack(t);
    await worksAgain(t, medium);
  });

  test('a process killed with I/O in flight: all is given back when that has ended', async (t) => {
    const bench = new Bench(t, []);
    await bench.until(({ bytes }) => bytes === 0);
    const memory = ioMemory(t, COUNT * PAGE, 17);
    const { lift } = await throttled(t, bench.device, 10);
    const before = bench.held.used;
    const victim = startChild(t, {
      shape: 'plain',
      buffers: [memory],
      keep: [bench.file.fd],
      registrations: [
        {
          ...{ opcode: 'IORING_REGISTER_FILES', count: 1 },
          argument: new Uint8Array(Int32Array.of(bench.file.fd).buffer),
        },
        { opcode: 'IORING_REGISTER_MAP_BUFFERS', count: 1, argument: mapRange(t.uapi, { end: 1 }) },
      ],
      commands: ALL.map((page) => ({
        ...{ opcode: 'IORING_OP_READ_FIXED', fd: 0, flags: ['IOSQE_FIXED_FILE'], len: PAGE },
        ...{ addr: memory.address + BigInt(page * PAGE), off: 2 * page * PAGE, bufIndex: 0 },
      })),
    });
    t.equal(await victim.submitted(), COUNT);
    t.equal(bench.held.used - before, COUNT, 'its commands used the mapping');
    t.equal(bench.held.bytes, memory.length);
    victim.kill();
    t.same(await victim.wait(), { signal: 9 });
    await lift();
    await bench.until(({ bytes }) => bytes === 0);
    t.equal(bench.held.bytes, 0);
    await worksAgain(t, pattern(PAGE, 18));
  });
});
