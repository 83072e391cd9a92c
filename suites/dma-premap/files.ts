import { constants, writeFileSync } from 'node:fs';
import {
  command,
  File,
  ioMemory,
  type Memory,
  mounted,
  pattern,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { Bench, DIRECT, NEEDS, PAGE } from './setup.ts';

const LENGTH = 8 * PAGE;
const MAP = { uapi: NEEDS.uapi };

/** Writes and reads back by a slot of the file table; says how many commands of it used the mapping. */
async function roundTrip(bench: Bench, memory: Memory, fd: number, seed: number): Promise<number> {
  const { t } = bench;
  const where = { fd, length: LENGTH, position: 0 };
  return await bench.used(async () => {
    memory.bytes.set(pattern(LENGTH, seed));
    t.equal((await bench.io({ kind: 'write', ...where })).res, LENGTH, 'written');
    memory.bytes.fill(0);
    t.equal((await bench.io({ kind: 'read', ...where })).res, LENGTH, 'read');
    t.bytes(memory.bytes, pattern(LENGTH, seed), 'what came back');
  });
}

/** Puts a file in slot 1, beside the drive. */
function withFile(bench: Bench, path: string): File {
  const file = bench.t.use(new File(path, DIRECT | constants.O_CREAT));
  bench.ring.register(bench.t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
  bench.ring.registerFiles([bench.file.fd, file.fd]);
  return file;
}

/** A loop device over a file of its own. */
function loop(t: Test): string {
  const backing = '/root/backing';
  writeFileSync(backing, new Uint8Array(1 << 20));
  const device = command('losetup', '-f');
  command('losetup', device, backing);
  t.defer(() => command('losetup', '-d', device));
  return device;
}

suite('files that are not the drive', MAP, () => {
  test('the head of a multipath device: EOPNOTSUPP, and I/O goes on', { devices: ['shared'] }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const bench = new Bench(t, [memory], { role: 'shared' });
    t.throws(() => bench.map(), 'EOPNOTSUPP');
    t.equal(bench.held.bytes, 0);
    t.equal(await roundTrip(bench, memory, 0, 3), 0, 'commands on mapped memory');
    t.bytes(bench.onMedium(0, LENGTH), pattern(LENGTH, 3));
  });

  test('a loop device: EOPNOTSUPP, and I/O goes on', { devices: ['data'] }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const bench = new Bench(t, [memory]);
    withFile(bench, loop(t));
    t.throws(() => bench.map({ fd: 1 }), 'EOPNOTSUPP');
    bench.map();
    t.equal(await roundTrip(bench, memory, 1, 4), 0, 'commands on mapped memory');
    t.equal(await roundTrip(bench, memory, 0, 5), 2, 'commands on mapped memory');
  });

  test('a file on the drive: EOPNOTSUPP, but it has the use of what is mapped for the drive', {
    devices: ['data'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const bench = new Bench(t, [memory]);
    const file = withFile(bench, `${mounted(t, bench.device, 16384)}/file`);
    t.throws(() => bench.map({ fd: 1 }), 'EOPNOTSUPP');
    t.equal(await roundTrip(bench, memory, 1, 6), 0, 'commands on mapped memory');
    bench.map();
    // As many as the file has pieces.
    const used = await roundTrip(bench, memory, 1, 7);
    t.ok(used >= 2, `${used} commands on mapped memory`);
    using other = ioMemory(t, LENGTH);
    t.equal(file.read(other.bytes, 0), LENGTH);
    t.bytes(other.bytes, pattern(LENGTH, 7), 'read by way of other memory');
    // A slot holds its file, and so the file system, until a worker has taken the ring down.
    bench.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
  });
});
