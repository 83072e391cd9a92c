import { ioMemory, iovecs, nvme, suite, test } from '../lib/index.ts';
import { allocateSpan, eachPathFaulty, onMedium, openFixture, PAGE, putOnMedium, SHARED } from './setup.ts';

const { hostPathError } = nvme.Status;

suite('every form of a command', { devices: [SHARED], class: 'contract' }, () => {
  test('a vectored command succeeds on the other path though its iovec array is overwritten after submit', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring } = fixture;
    const pages = Math.floor((device.atMost(device.blocksOf(6 * PAGE)) * device.blockSize) / PAGE);
    const order = [4, 0, 5, 2, 1, 3].filter((page) => page < pages);
    const where = allocateSpan(device, device.blocksOf(order.length * PAGE));
    const memory = ioMemory(t, order.length * PAGE, 70);
    const content = memory.bytes.slice();
    const parts = order.map((page) => memory.part(page * PAGE, PAGE));
    const gathered = Buffer.concat(order.map((page) => content.slice(page * PAGE, (page + 1) * PAGE)));
    const run = async (kind: 'read' | 'write') => {
      const list = t.use(iovecs(parts));
      const command = nvme.transfer(kind, device, where, list);
      ring.passthrough({ fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command });
      t.equal(ring.submit(), 1, `SQEs submitted of the vectored ${kind}`);
      list.bytes.fill(0xff);
      return (await ring.wait(1))[0]?.res;
    };
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) =>
      t.equal(await run('write'), 0, `CQE res of the vectored write while ${name} fails`),
    );
    t.bytes(onMedium(t, device, where), gathered, 'data on the medium, gathered from the vector');
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      memory.bytes.fill(0);
      t.equal(await run('read'), 0, `CQE res of the vectored read while ${name} fails`);
      t.bytes(memory.bytes, content, `data scattered by the vector while ${name} fails`);
    });
  });

  test('a command with a registered buffer succeeds on the other path and changes only its part of the buffer', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring } = fixture;
    const where = allocateSpan(device, device.atMost(32));
    const length = where.blocks * device.blockSize;
    const [source, target] = [ioMemory(t, length * 3, 80), ioMemory(t, length * 3, 81)];
    ring.registerBuffers([source, target]);
    const expected = target.bytes.slice();
    expected.set(source.bytes.slice(length, 2 * length), length);
    const run = (kind: 'read' | 'write', bufIndex: number) => {
      const memory = bufIndex === 0 ? source : target;
      const command = nvme.transfer(kind, device, where, memory, { offset: length });
      return ring.execute({ fd: char.fd, command, bufIndex });
    };
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) =>
      t.equal((await run('write', 0)).res, 0, `CQE res of the write from buffer 0 while ${name} fails`),
    );
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      target.bytes.fill(0, length, 2 * length);
      t.equal((await run('read', 1)).res, 0, `CQE res of the read to buffer 1 while ${name} fails`);
      t.bytes(target.bytes, expected, `whole of buffer 1, its middle third read while ${name} fails`);
    });
  });

  test('a read to an unaligned buffer, which the kernel bounces, succeeds on the other path and changes only its bytes', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring } = fixture;
    const where = allocateSpan(device, device.atMost(9));
    const length = where.blocks * device.blockSize;
    const source = ioMemory(t, length, 90);
    putOnMedium(t, device, where, source);
    for (const offset of [1, PAGE - 3])
      await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
        const memory = ioMemory(t, length + 2 * PAGE, 91);
        const expected = memory.bytes.slice();
        expected.set(source.bytes, offset);
        const command = nvme.transfer('read', device, where, memory, { offset });
        const { res } = await ring.execute({ fd: char.fd, command });
        t.equal(res, 0, `CQE res of the read to buffer offset ${offset} while ${name} fails`);
        t.bytes(memory.bytes, expected, `whole buffer, read to offset ${offset} while ${name} fails`);
      });
  });

  test('a write of the largest transfer size succeeds on the other path', async (t) => {
    const fixture = await openFixture(t);
    const { device, io } = fixture;
    const where = allocateSpan(device, device.atMost(device.blocksOf(512 << 10)));
    const bytes = where.blocks * device.blockSize;
    const memory = ioMemory(t, bytes, 100);
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) =>
      t.equal((await io('write', where, memory)).res, 0, `CQE res of ${bytes} bytes while ${name} fails`),
    );
    t.bytes(onMedium(t, device, where), memory.bytes, 'data on the medium');
  });

  test('a write succeeds on the other path though its SQE is overwritten after submit', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring } = fixture;
    const where = allocateSpan(device, device.atMost(8));
    const memory = ioMemory(t, where.blocks * device.blockSize, 110);
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      const sqe = ring.passthrough({ fd: char.fd, command: nvme.transfer('write', device, where, memory) });
      t.equal(ring.submit(), 1, `SQEs submitted while ${name} fails`);
      new Uint8Array(sqe.buffer, sqe.byteOffset, sqe.byteLength).fill(0xff);
      t.equal((await ring.wait(1))[0]?.res, 0, `CQE res of the write while ${name} fails`);
    });
    t.bytes(onMedium(t, device, where), memory.bytes, 'data on the medium');
  });

  test('a write on an IOPOLL ring succeeds on the other path', async (t) => {
    const fixture = await openFixture(t, SHARED, { flags: ['IORING_SETUP_IOPOLL'] });
    const { device, char, ring } = fixture;
    const where = allocateSpan(device, device.atMost(8));
    const memory = ioMemory(t, where.blocks * device.blockSize, 120);
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      const command = nvme.transfer('write', device, where, memory);
      const { res } = await ring.execute({ fd: char.fd, command });
      t.equal(res, 0, `CQE res of the write while ${name} fails`);
    });
    t.bytes(onMedium(t, device, where), memory.bytes, 'data on the medium');
  });
});
