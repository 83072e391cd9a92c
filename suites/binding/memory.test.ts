/** Memory and mappings: what surrounds them, and their addresses after they are released. */
import { constants, truncateSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { TestRing } from '../lib/ring.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { File, loadBinding, Mapping, Memory } from './index.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());

/** A file of zeros. A read of /dev/zero ends early when a signal or task work is pending; one of a regular file does not. */
const zeros = `${t.testdir({ zeros: '' })}/zeros`;
truncateSync(zeros, 1 << 20);

/** CQE res of a read of zeros of this length to an address. */
async function readTo(addr: bigint, len: number): Promise<number> {
  using file = new File(zeros, constants.O_RDONLY);
  using ring = new TestRing(uapi, { shape: 'plain', entries: 1 });
  return (await ring.run({ opcode: 'IORING_OP_READ', fd: file.fd, addr, len, unchecked: true })).res;
}

t.test(
  'a read that overruns memory stops at its last page, and one that begins before it fails',
  async (t) => {
    for (const kind of ['private', 'shared', 'transparent'] as const) {
      // Neighbours, which an overrun would reach.
      const around = Array.from({ length: 8 }, () => new Memory(8192, kind));
      for (const memory of around) memory.bytes.fill(7);
      const [memory] = around.splice(3, 1);
      if (!memory) throw new Error('no memory');
      t.equal(await readTo(memory.address, 1 << 20), 8192, `bytes read past ${kind} memory`);
      t.equal(await readTo(memory.address - 1n, 2), -14, `result of a read before ${kind} memory`);
      t.ok(
        around.every(({ bytes }) => bytes.every((byte) => byte === 7)),
        `other ${kind} memory is as it was`,
      );
      for (const each of [memory, ...around]) each.release();
    }
  },
);

t.test('the address of released memory is never used again, unless it was of the kind reused', async (t) => {
  const memory = new Memory(1 << 20);
  const { address } = memory;
  memory.release();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const later = Array.from({ length: 64 }, () => new Memory(1 << 20, 'reused'));
  t.notOk(later.some((each) => each.address === address));
  t.equal(await readTo(address, 4096), -14, 'result of a read to the released memory');
  for (const each of later) each.release();
});

t.test('lengths that no memory can have are refused', (t) => {
  for (const length of [0, -1, 1.5, Number.NaN, 2 ** 32, 2 ** 53])
    t.throws(() => new Memory(length), RangeError, `length ${length}`);
  t.end();
});

t.test('a mapping beyond the end of a file is refused, which would kill the process when it is read', (t) => {
  const path = `${t.testdir()}/file`;
  writeFileSync(path, 'twelve bytes');
  using file = new File(path, constants.O_RDONLY);
  using mapping = new Mapping(file.fd, 0, 4096);
  t.equal(mapping.view.getUint8(0), 't'.charCodeAt(0));
  t.throws(() => new Mapping(file.fd, 4096, 1), RangeError);
  t.throws(() => new Mapping(file.fd, 0, 4097), RangeError);
  t.throws(() => new Mapping(file.fd, -4096, 1), RangeError);
  t.throws(() => new Mapping(1023, 0, 1), { code: 'EBADF' });
  t.end();
});
