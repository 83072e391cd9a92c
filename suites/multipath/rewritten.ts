import { constants } from 'node:fs';
import {
  File,
  flipCommand,
  ioMemory,
  nvme,
  openRing,
  resultName,
  suite,
  test,
  unprivileged,
} from '../lib/index.ts';
import { strandSecond } from './hold.ts';
import { allocateSpan, onMedium, openFixture, putOnMedium, WITH_METADATA } from './setup.ts';

/** Commands that race with the rewriting thread. Where there is a window, it hits one in some ten. */
const COUNT = 4000;

suite('SQEs that are rewritten while commands find no path', {
  devices: [WITH_METADATA],
  class: 'safety',
}, () => {
  test('waiting commands of a read-only file never write, though a thread turns their SQEs into writes', {
    kernel: '6.2',
    timeoutMs: 60_000,
  }, async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { device } = fixture;
    const stranded = await strandSecond(t, fixture);
    const where = allocateSpan(device, 1);
    putOnMedium(t, device, where, ioMemory(t, device.blockSize, 400));
    const content = onMedium(t, device, where).slice();
    const readOnly = t.use(new File(device.char, constants.O_RDONLY));
    // One slot, so that the flipped byte is always that of the SQE that the kernel reads.
    const ring = openRing(t, { entries: 1, cqEntries: 2 * COUNT });
    // A block for each command: a read that is executed must not fill another command's block with what is on the medium.
    const memory = ioMemory(t, COUNT * device.blockSize, 401);
    // Before the memory is released: commands that wait may still use it.
    t.defer(() => ring.close());
    stranded.detachFirst();

    const flipper = flipCommand(t, ring, 'opcode', [nvme.Opcode.read, nvme.Opcode.write]);
    unprivileged(() => {
      for (let index = 0; index < COUNT; index++) {
        const command = nvme.transfer('read', device, where, memory, { offset: index * device.blockSize });
        ring.passthrough({ fd: readOnly.fd, command, userData: index });
        ring.submit();
      }
    });
    const flips = flipper.stop();
    const refused = ring.reap().map(({ res }) => resultName(res));
    t.note(`${flips} flips, ${refused.length} of ${COUNT} commands refused`);
    t.same([...new Set(refused)], ['-EACCES'], 'results of the commands that the kernel saw as writes');
    t.ok(refused.length < COUNT, 'some commands are seen as reads, and wait');

    stranded.release();
    const late = await ring.wait(COUNT - refused.length, { timeoutMs: 30_000 });
    t.same([...new Set(late.map(({ res }) => res))], [0], 'CQE res of the commands that waited');
    t.bytes(onMedium(t, device, where), content, 'data on the medium');
  });
});
