import { readSync, writeSync } from 'node:fs';
import { connected, pattern, type Sockets, suite, type Test, test, until } from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import type { PumpSqe } from '../lib/ublk/pump.ts';
import { pendingRequest, results, settlesSoon } from './pending.ts';

const LENGTH = 64 << 10;
/** linux/socket.h */
const MSG_TRUNC = 0x20;
const MSG_WAITALL = 0x100;
const MSG_ZEROCOPY = 0x4000000;

/** A member that sends or receives `len` bytes of the lent memory from offset `at` on. */
const transfer = (
  kind: 'SEND' | 'SEND_ZC' | 'RECV',
  fd: number,
  at: number,
  len: number,
  more = {},
): PumpSqe => ({
  ...{ opcode: `IORING_OP_${kind}`, fd, addr: BigInt(at), len },
  more,
});

/** Waits until the receiver has got `length` bytes and returns them. Throws Error on a timeout. */
async function received({ receiver }: Sockets, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const isComplete = () => {
    try {
      filled += readSync(receiver, bytes, filled, length - filled, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return filled === length;
  };
  await until(`${length} bytes are received`, isComplete);
  return bytes;
}

async function sendPart(
  t: Test,
  kind: 'SEND' | 'SEND_ZC',
  family: 'unix' | 'tcp',
  at: number,
  length: number,
): Promise<void> {
  const sockets = await connected(t, { family });
  const { request, port, memory, complete } = await pendingRequest(t, 'WRITE', LENGTH);
  const group = port.group(request, transfer(kind, sockets.sender, at, length, { msg_flags: MSG_WAITALL }));
  const bytes = await received(sockets, length);
  t.same(results(await group), [0, length], `CQE res of leader and ${kind}`);
  t.bytes(bytes, memory.bytes.subarray(at, at + length), 'bytes received by the peer');
  await complete();
}

suite('sockets', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  for (const family of ['unix', 'tcp'] as const)
    for (const [at, length] of [
      [0, LENGTH],
      [5000, 7777],
      [LENGTH - 1, 1],
    ] as const) {
      const part = length === LENGTH ? 'all' : `${length} bytes at offset ${at}`;
      test(`${family}: SEND sends ${part} of a client write`, (t) => sendPart(t, 'SEND', family, at, length));
      // Unix sockets do not support SEND_ZC.
      if (family === 'tcp')
        test(`${family}: SEND_ZC sends ${part} of a client write`, (t) =>
          sendPart(t, 'SEND_ZC', family, at, length));
    }

  for (const family of ['unix', 'tcp'] as const)
    test(`${family}: RECV with MSG_WAITALL fills a client read from data that arrives in pieces`, async (t) => {
      const sockets = await connected(t, { family });
      const { request, port, server, memory, complete } = await pendingRequest(t, 'READ', LENGTH);
      const bytes = pattern(LENGTH, 1);
      const options = { msg_flags: MSG_WAITALL };
      const group = port.group(request, transfer('RECV', sockets.receiver, 0, LENGTH, options));
      writeSync(sockets.sender, bytes.subarray(0, 1000));
      // Once the NOP behind the group has completed, RECV is issued and has consumed the first piece.
      server.queues[0]?.pump.flush();
      await port.send({ opcode: 'IORING_OP_NOP' });
      for (let at = 1000; at < LENGTH; ) {
        at += writeSync(sockets.sender, bytes.subarray(at, at + 4096));
        await port.send({ opcode: 'IORING_OP_NOP' });
      }
      t.same(results(await group), [0, LENGTH], 'CQE res of leader and RECV');
      await complete();
      t.bytes(memory.bytes, bytes, 'client memory');
    });

  test('after a short RECV the rest of a client read is zero', async (t) => {
    const sockets = await connected(t);
    const { request, port, memory, complete } = await pendingRequest(t, 'READ', LENGTH);
    const bytes = pattern(777, 2);
    writeSync(sockets.sender, bytes);
    const answered = await port.group(request, transfer('RECV', sockets.receiver, 100, 5000));
    t.same(results(answered), [0, 777], 'CQE res of leader and RECV');
    await complete();
    const expected = new Uint8Array(LENGTH);
    expected.set(bytes, 100);
    t.bytes(memory.bytes, expected, 'client memory');
  });

  test('SEND and RECV fail with EFAULT beyond the lent memory, and with EINVAL in the wrong direction or with unsupported flags', async (t) => {
    const sockets = await connected(t, { family: 'tcp' });
    const [invalid, fault] = [-t.uapi.constant('EINVAL'), -t.uapi.constant('EFAULT')];
    const write = await pendingRequest(t, 'WRITE', 4096);
    write.server.queues[0]?.pump.ring.registerBuffers([write.memory]);
    const sends = await write.port.group(
      write.request,
      transfer('SEND', sockets.sender, 1, 4096),
      transfer('SEND_ZC', sockets.sender, 4096, 1),
      transfer('RECV', sockets.receiver, 0, 4096),
      transfer('SEND_ZC', sockets.sender, 0, 4096, { ioprio: t.uapi.constant('IORING_RECVSEND_FIXED_BUF') }),
      transfer('SEND', sockets.sender, 0, 4096, { msg_flags: MSG_ZEROCOPY }),
    );
    const expectedOfWrite = [0, fault, fault, invalid, invalid, invalid];
    t.same(results(sends), expectedOfWrite, 'CQE res of leader and members of a client write');
    const read = await pendingRequest(t, 'READ', 4096);
    const receives = await read.port.group(
      read.request,
      transfer('SEND', sockets.sender, 0, 4096),
      transfer('SEND_ZC', sockets.sender, 0, 4096),
      transfer('RECV', sockets.receiver, 4095, 2),
      // MSG_TRUNC counts bytes that are not copied, and a bundle receives into provided buffers: neither fills the lent memory.
      transfer('RECV', sockets.receiver, 0, 4096, { msg_flags: MSG_TRUNC }),
      transfer('RECV', sockets.receiver, 0, 4096, { ioprio: t.uapi.constant('IORING_RECVSEND_BUNDLE') }),
    );
    const expectedOfRead = [0, invalid, invalid, fault, invalid, invalid];
    t.same(results(receives), expectedOfRead, 'CQE res of leader and members of a client read');
    for (const pending of [write, read]) await pending.fail();
    const receive = () => readSync(sockets.receiver, new Uint8Array(1));
    t.throws(receive, 'EAGAIN', 'errno of read() on the receiver, to which nothing was sent');
  });

  test('SEND_ZC keeps the lent pages until its notification', async (t) => {
    const sockets = await connected(t, { family: 'tcp', receiveBuffer: 4096, sendBuffer: 1 << 20 });
    const { request, port, server, memory, completion, complete } = await pendingRequest(t, 'WRITE', LENGTH);
    const pump = server.queues[0]?.pump;
    if (!pump) throw new Error('the server has no queue');
    const [leader, sent] = pump.send(port.provide(request), transfer('SEND_ZC', sockets.sender, 0, LENGTH));
    if (!leader || !sent) throw new Error('the pump returned fewer than two completions');
    const { res, flags } = await sent;
    t.ok(res > 16_384, `SEND_ZC takes more than 16384 bytes (CQE res ${res})`);
    t.ok(flags & t.uapi.constant('IORING_CQE_F_MORE'), 'the SEND_ZC CQE announces a notification');
    // The receiver has read nothing: most of the data waits to be sent, in the client's own pages.
    const isReleased = await settlesSoon(Promise.race([leader, completion]));
    t.ok(!isReleased, 'leader and client write are pending while the network uses the pages');
    const bytes = await received(sockets, res);
    t.equal((await leader).res, 0, 'CQE res of the leader');
    await complete();
    t.bytes(bytes, memory.bytes.subarray(0, res), 'bytes received by the peer');
  });
});
