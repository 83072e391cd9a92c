import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

/** Suites on a drive of 4 KiB blocks, and a suite that passes lengths which do not fit its memory. */

const dir = t.testdir();

/** Each test hands the kernel more than its memory holds; `refused` throws an AssertionError unless it is refused. */
const OVERRUNS = `
import { constants } from 'node:fs';
import { File, iovecs, ioMemory, nvme, openRing, suite, test } from 'ringlab/suite';
function refused(t, call) {
  let error;
  try { call(); } catch (thrown) { error = thrown; }
  t.ok(error instanceof RangeError, 'the call is refused');
  t.note(error.message);
}
suite('too long', { devices: ['data'] }, () => {
  test('a write longer than its memory', (t) => {
    const memory = ioMemory(t, 8192);
    refused(t, () => nvme.transfer('write', t.device('data'), { lba: 0, blocks: 8 }, memory));
  });
  test('a block read longer than its memory', (t) => {
    const { address: addr } = ioMemory(t, 4096);
    refused(t, () => openRing(t).sqe({ opcode: 'IORING_OP_READ', fd: 0, addr, len: 8192 }));
  });
  test('a length that is wrong on purpose', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const block = t.use(new File(device.block, constants.O_RDWR | constants.O_DIRECT));
    const [memory, other] = [ioMemory(t, 4096), ioMemory(t, 1 << 20, 3)];
    const before = other.bytes.slice();
    const long = nvme.transfer('read', device, { lba: 0, blocks: 64 }, other);
    const command = { ...long, addr: memory.address };
    t.errno(await openRing(t).execute({ fd: char.fd, command }), 'EFAULT', 'CQE res of the long passthrough read');
    const read = { opcode: 'IORING_OP_READ', fd: block.fd, addr: memory.address, len: 1 << 20, off: 0, unchecked: true };
    const { res } = await openRing(t).run(read);
    t.ok(res <= memory.length, \`the long read of the block device ends with the memory (CQE res \${res})\`);
    const list = t.use(iovecs([{ address: memory.address, length: 1 << 18 }], { unchecked: true }));
    const vectored = { fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command: nvme.transfer('read', device, { lba: 0, blocks: 64 }, list) };
    t.errno(await openRing(t).execute(vectored), 'EFAULT', 'CQE res of the long vectored read');
    t.bytes(other.bytes, before, 'other memory');
  });
});
`;

t.test(
  'all suites for drives, and a new suite, pass on plain-4k; an overrun is refused in every form',
  async (t) => {
    const [mine, overruns] = [join(dir, 'my-suite'), join(dir, 'overruns')];
    t.equal((await ringlab(['suite', 'new', mine])).code, 0);
    mkdirSync(overruns);
    writeFileSync(
      join(overruns, 'suite.yaml'),
      'name: overruns\nsummary: lengths that do not fit\nguests: [plain-4k]\n',
    );
    writeFileSync(join(overruns, 'index.ts'), OVERRUNS);
    const suites = ['passthrough', 'ring-model', 'ublk', mine, overruns].flatMap((each) => ['--suite', each]);
    const { code, stdout, stderr } = await ringlab(['run', '--guest', 'plain-4k', ...suites, '--json']);
    t.equal(code, 0, stderr.slice(-3000));
    const { cells } = JSON.parse(stdout) as RunRecord;
    t.same(
      cells.map(({ suite, verdict }) => [suite, verdict]),
      ['passthrough', 'ring-model', 'ublk', 'my-suite', 'overruns'].map((suite) => [suite, 'done']),
    );
    t.same(
      cells.find(({ suite }) => suite === 'overruns')?.tests.map(({ verdict }) => verdict),
      Array(3).fill('pass'),
    );
    const passed = (name: string) =>
      cells.find(({ suite }) => suite === name)?.tests.filter(({ verdict }) => verdict === 'pass').length ??
      0;
    t.ok(passed('passthrough') >= 60, `${passed('passthrough')} tests of passthrough pass`);
  },
);

t.test('a bench measures a drive of 4 KiB blocks', async (t) => {
  const workloads = ['read 4k depth 1 bvec', 'write 4k depth 1 passthrough none'].flatMap((name) => [
    '--only',
    name,
  ]);
  const where = ['--kernel', 'debian-6.12', '--guest', 'plain-4k', '--boots', '1'];
  const { code, stdout, stderr } = await ringlab(['bench', ...where, ...workloads, '--json']);
  t.equal(code, 0, stderr.slice(-3000));
  const { cells } = JSON.parse(stdout) as RunRecord;
  const names = cells.flatMap(({ metrics }) => metrics.map(({ name }) => name));
  t.ok(names.includes('read-4k-depth-1-bvec.submit'), `metrics: ${names}`);
});
