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
import { assertRefused } from './refusal.ts';

const LENGTH = 8 * PAGE;
const MAP = { uapi: NEEDS.uapi, class: 'objection' as const };

/** Writes a pattern through file slot `fd` and reads it back. */
async function roundTrip(fixture: Fixture, memory: Memory, fd: number, seed: number): Promise<void> {
  const { t } = fixture;
  const place = { fd, length: LENGTH, position: 0 };
  memory.bytes.set(pattern(LENGTH, seed));
  const write = await fixture.io({ kind: 'write', ...place });
  t.equal(write.res, LENGTH, `CQE res of the write through file slot ${fd}`);
  memory.bytes.fill(0);
  const read = await fixture.io({ kind: 'read', ...place });
  t.equal(read.res, LENGTH, `CQE res of the read through file slot ${fd}`);
  t.bytes(memory.bytes, pattern(LENGTH, seed), `bytes read back through file slot ${fd}`);
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
  test('mapping for a multipath head fails, and its I/O still succeeds', {
    devices: ['shared'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const fixture = new Fixture(t, [memory], { role: 'shared' });
    assertRefused(fixture, 0, 'the head');
    fixture.evidence.expectMapped(0, 'bytes mapped after the failed call');
    await fixture.offMapping('I/O of the head', () => roundTrip(fixture, memory, 0, 3));
    t.bytes(fixture.readMedium(0, LENGTH), pattern(LENGTH, 3), 'medium after the write to the head');
  });

  test('mapping for a loop device fails, and its I/O still succeeds', {
    devices: ['data'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const fixture = new Fixture(t, [memory]);
    registerFile(fixture, loopDevice(t));
    assertRefused(fixture, 1, 'the loop device');
    fixture.map();
    // Its I/O ends in a file of a memory file system: no command of the drive.
    const used = fixture.evidence.counters?.used;
    await roundTrip(fixture, memory, 1, 4);
    t.equal(
      fixture.evidence.counters?.used,
      used,
      'commands that used a mapping, with those of the loop device',
    );
    const commands = 2 * commandCount(fixture.device, LENGTH);
    await fixture.onMapping(commands, 'I/O of the drive', () => roundTrip(fixture, memory, 0, 5));
  });

  test('mapping for a file on the drive fails, but its I/O may use mappings of the drive', {
    devices: ['data'],
  }, async (t) => {
    const memory = ioMemory(t, LENGTH);
    const fixture = new Fixture(t, [memory]);
    const file = registerFile(fixture, `${mounted(t, fixture.device, 8192)}/file`);
    assertRefused(fixture, 1, 'the file');
    await fixture.offMapping('I/O of the file before the drive has a mapping', () =>
      roundTrip(fixture, memory, 1, 6),
    );
    fixture.map();
    // One command for each extent of the file; the file system may write metadata meanwhile.
    await fixture.onMapping(
      { least: 2 },
      'write and read of the file',
      () => roundTrip(fixture, memory, 1, 7),
      {
        ordinary: Number.POSITIVE_INFINITY,
      },
    );
    using unregistered = ioMemory(t, LENGTH);
    t.equal(file.read(unregistered.bytes, 0), LENGTH, 'bytes read to unregistered memory');
    t.bytes(unregistered.bytes, pattern(LENGTH, 7), 'contents of the file, read to unregistered memory');
    // A file slot keeps the file system busy until a worker of the kernel has torn the ring down, after umount.
    fixture.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
  });
});
