import { constants } from 'node:fs';
import {
  File,
  flipCommand,
  ioMemory,
  type NvmeCommand,
  nvme,
  openRing,
  resultName,
  suite,
  type TestRing,
  test,
  unprivileged,
} from '../lib/index.ts';
import { allocateBlocks, PAGE, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

/** Commands that race with the rewriting thread, and how many of them are in flight at once. */
const COUNT = 4000;
const BATCH = 50;
/** One slot, so that the flipped byte is always that of the SQE that the kernel reads. */
const ONE_SLOT = { entries: 1, cqEntries: 2 * BATCH };

/** Submits commands one by one, without privileges. Returns their distinct results as text, sorted. */
async function submitAll(
  ring: TestRing,
  fd: number,
  commandOf: (index: number) => NvmeCommand,
): Promise<string[]> {
  const results = new Set<string>();
  for (let first = 0; first < COUNT; first += BATCH) {
    unprivileged(() => {
      for (let index = first; index < first + BATCH; index++) {
        ring.passthrough({ fd, command: commandOf(index), userData: index });
        ring.submit();
      }
    });
    for (const { res } of await ring.wait(BATCH)) results.add(resultName(res));
  }
  return [...results].sort();
}

suite('SQEs that are rewritten while they are submitted', { devices: ['data'], kernel: '6.2' }, () => {
  test('commands of a read-only file whose opcode a thread flips between read and write read or fail with EACCES', {
    timeoutMs: 60_000,
  }, async (t) => {
    const device = t.device('data');
    const readOnly = t.use(new File(device.char, constants.O_RDONLY));
    const ring = openRing(t, ONE_SLOT);
    const where = allocateBlocks(device, 1);
    writeBlockDevice(t, device, where, ioMemory(t, device.blockSize, 300));
    const content = readBlockDevice(t, device, where).slice();
    // A block for each command: a read must not fill another command's block with what is on the medium.
    const memory = ioMemory(t, COUNT * device.blockSize, 301);
    using flipper = flipCommand(t, ring, 'opcode', [nvme.Opcode.read, nvme.Opcode.write]);
    const results = await submitAll(ring, readOnly.fd, (index) =>
      nvme.transfer('read', device, where, memory, { offset: index * device.blockSize }),
    );
    t.note(`${flipper.stop()} flips in ${COUNT} commands`);
    t.same(results, ['-EACCES', '0'], 'results of the commands');
    t.bytes(readBlockDevice(t, device, where), content, 'block that is read');
  });

  test('commands whose nsid a thread flips succeed or fail with EINVAL, and none reaches the other namespace', {
    timeoutMs: 60_000,
  }, async (t) => {
    const { device, char } = setUp(t);
    const ring = openRing(t, ONE_SLOT);
    using flipper = flipCommand(t, ring, 'nsid', [device.nsid, device.nsid + 76]);
    const results = await submitAll(ring, char.fd, () => nvme.flush(device));
    t.note(`${flipper.stop()} flips in ${COUNT} commands`);
    // A nsid that was read twice would come back from the device as Invalid Namespace or Format.
    t.same(results, ['-EINVAL', '0'], 'results of the commands');
  });

  test('reads whose address a thread flips between two pages fill these pages and no other', {
    timeoutMs: 60_000,
  }, async (t) => {
    const { device, char } = setUp(t);
    const ring = openRing(t, ONE_SLOT);
    const where = allocateBlocks(device, device.blocksOf(PAGE));
    writeBlockDevice(t, device, where, ioMemory(t, PAGE, 310));
    const content = readBlockDevice(t, device, where).slice();
    const memory = ioMemory(t, 4 * PAGE, 311);
    const untouched = memory.bytes.slice();
    // The addresses of an even page and of the next one differ in bit 12 only.
    const even = Number((memory.address >> 12n) & 1n);
    const command = nvme.transfer('read', device, where, memory, { offset: even * PAGE });
    const byte = Number(((command.addr ?? 0n) >> 8n) & 0xffn);
    using flipper = flipCommand(t, ring, 'addr', [byte, byte | 0x10], 1);
    const results = await submitAll(ring, char.fd, () => command);
    t.note(`${flipper.stop()} flips in ${COUNT} commands`);
    t.same(results, ['0'], 'results of the reads');
    for (let page = 0; page < 4; page++) {
      const isTarget = page === even || page === even + 1;
      const expected = isTarget ? content : untouched.subarray(page * PAGE, (page + 1) * PAGE);
      t.bytes(memory.bytes.subarray(page * PAGE, (page + 1) * PAGE), expected, `page ${page} of the memory`);
    }
  });
});
