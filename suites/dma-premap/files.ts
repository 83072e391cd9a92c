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
import { commandCount, DIRECT, Fixture, NEEDS, PAGE } from './fixture.ts';

const LENGTH = 8 * PAGE;
const MAP = { uapi: NEEDS.uapi };

/** Writes a pattern through file slot `fd` and reads it back. Returns the number of commands that used the mapping. */
async function roundTrip(fixture: Fixture, memory: Memory, fd: number, seed: number): Promise<number> {
  const { t } = fixture;
  const place = { fd, length: LENGTH, position: 0 };
  return await fixture.mappedCommands(async () => {
    memory.bytes.set(pattern(LENGTH, seed));
    const write = await fixture.io({ kind: 'write', ...place });
    t.equal(write.res, LENGTH, `CQE res of the write through file slot ${fd}`);
    memory.bytes.fill(0);
    const read = await fixture.io({ kind: 'read', ...place });
    t.equal(read.res, LENGTH, `CQE res of the read through file slot ${fd}`);
    t.bytes(memory.bytes, pattern(LENGTH, seed), `bytes read back through file slot ${fd}`);
  });
}

/** Puts a file in slot 1 of the file table, beside the drive in slot 0. */
function registerFile(fixture: Fixture, path: string): File {
  const file = fixture.t.use(new File(path, DIRECT | constants.O_CREAT));
  fixture.ring.register(fixture.t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
  fixture.ring.registerFiles([fixture.file.fd, file.fd]);
  return file;
}

/** Sets up a loop device over a new file of 1 MiB until the test's end. Returns its path. */
function loopDevice(t: Test): string {
  const backing = '/root/backing';
  writeFileSync(backing, new Uint8Array(1 << 20));
  const device = command('losetup', '-f');
  command('losetup', device, backing);
  t.defer(() => command('losetup', '-d', device));
  return device;
}

suite('multipath heads, loop devices and regular files', MAP, () => {
  test('mapping for a multipath head fails with EOPNOTSUPP, and its I/O still succeeds', {
    devices: ['shared'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const fixture = new Fixture(t, [memory], { role: 'shared' });
    t.throws(() => fixture.map(), 'EOPNOTSUPP', 'errno of mapping for the head');
    t.equal(fixture.counters.bytes, 0, 'bytes mapped after the failed call');
    t.equal(await roundTrip(fixture, memory, 0, 3), 0, 'commands of the head that used a mapping');
    t.bytes(fixture.readMedium(0, LENGTH), pattern(LENGTH, 3), 'medium after the write to the head');
  });

  test('mapping for a loop device fails with EOPNOTSUPP, and its I/O still succeeds', {
    devices: ['data'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const fixture = new Fixture(t, [memory]);
    registerFile(fixture, loopDevice(t));
    t.throws(() => fixture.map({ fd: 1 }), 'EOPNOTSUPP', 'errno of mapping for the loop device');
    fixture.map();
    t.equal(await roundTrip(fixture, memory, 1, 4), 0, 'commands of the loop device that used a mapping');
    const expected = 2 * commandCount(fixture.device, LENGTH);
    const used = await roundTrip(fixture, memory, 0, 5);
    t.equal(used, expected, 'commands of the drive that used the mapping');
  });

  test('mapping for a file on the drive fails with EOPNOTSUPP, but its I/O uses mappings of the drive', {
    devices: ['data'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const fixture = new Fixture(t, [memory]);
    const file = registerFile(fixture, `${mounted(t, fixture.device, 8192)}/file`);
    t.throws(() => fixture.map({ fd: 1 }), 'EOPNOTSUPP', 'errno of mapping for the file');
    const unmapped = await roundTrip(fixture, memory, 1, 6);
    t.equal(unmapped, 0, 'commands of the file that used a mapping before the drive has one');
    fixture.map();
    // One command for each extent of the file.
    const used = await roundTrip(fixture, memory, 1, 7);
    t.ok(used >= 2, `write and read of the file use the mapping of the drive (${used} commands do)`);
    using unregistered = ioMemory(t, LENGTH);
    t.equal(file.read(unregistered.bytes, 0), LENGTH, 'bytes read to unregistered memory');
    t.bytes(unregistered.bytes, pattern(LENGTH, 7), 'contents of the file, read to unregistered memory');
    // A file slot keeps the file system busy until a worker of the kernel has torn the ring down, after umount.
    fixture.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
  });
});
