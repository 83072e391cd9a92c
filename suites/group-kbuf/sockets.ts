import { readSync, writeSync } from 'node:fs';
import { before } from '../binding/index.ts';
import { connected, pattern, type Sockets, suite, type Test, test, until } from '../lib/index.ts';
import type { PumpSqe } from '../lib/ublk/pump.ts';
import { LENDING } from '../lib/ublk/way.ts';
import { inHand, results } from './hand.ts';

const LENGTH = 64 << 10;
/** linux/socket.h */
const MSG_TRUNC = 0x20;
const MSG_WAITALL = 0x100;
const MSG_ZEROCOPY = 0x4000000;

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

/** Waits until so many bytes have come, and gives them. */
async function received({ receiver }: Sockets, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const more = () => {
    try {
      filled += readSync(receiver, bytes, filled, length - filled, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return filled === length;
  };
  await until(`${length} bytes have come`, more);
  return bytes;
}

async function sends(t: Test, kind: 'SEND' | 'SEND_ZC', family: 'unix' | 'tcp', at: number, length: number) {
  const sockets = await connected(t, { family });
  const { request, port, memory, under, commit } = await inHand(t, 'WRITE', LENGTH);
  const sent = port.group(request, transfer(kind, sockets.sender, at, length, { msg_flags: MSG_WAITALL }));
  const bytes = await received(sockets, length);
  t.same(results(await sent), [0, length]);
  t.bytes(bytes, memory.bytes.subarray(at, at + length), 'what has come');
  commit(LENGTH);
  t.equal((await under).res, LENGTH);
}

suite('sockets', LENDING.needs, () => {
  for (const family of ['unix', 'tcp'] as const)
    for (const [at, length] of [
      [0, LENGTH],
      [5000, 7777],
      [LENGTH - 1, 1],
    ] as const) {
      const part = length === LENGTH ? 'all of it' : `${length} bytes from ${at}`;
      test(`${family}: a write is sent, ${part}`, (t) => sends(t, 'SEND', family, at, length));
      // Unix sockets know no zero copy.
      if (family === 'tcp')
        test(`${family}: a write is sent without a copy, ${part}`, (t) =>
          sends(t, 'SEND_ZC', family, at, length));
    }

  for (const family of ['unix', 'tcp'] as const)
    test(`${family}: a read is received, in two pieces`, async (t) => {
      const sockets = await connected(t, { family });
      const { request, port, server, memory, under, commit } = await inHand(t, 'READ', LENGTH);
      const bytes = pattern(LENGTH, 1);
      const options = { msg_flags: MSG_WAITALL };
      const answer = port.group(request, transfer('RECV', sockets.receiver, 0, LENGTH, options));
      writeSync(sockets.sender, bytes.subarray(0, 1000));
      // The group is issued, and has had the first piece, when this returns.
      server.queues[0]?.pump.flush();
      await port.send({ opcode: 'IORING_OP_NOP' });
      for (let at = 1000; at < LENGTH; ) {
        at += writeSync(sockets.sender, bytes.subarray(at, at + 4096));
        await port.send({ opcode: 'IORING_OP_NOP' });
      }
      t.same(results(await answer), [0, LENGTH]);
      commit(LENGTH);
      t.equal((await under).res, LENGTH);
      t.bytes(memory.bytes, bytes);
    });

  test('less is received than was asked for: the rest is zero', async (t) => {
    const sockets = await connected(t);
    const { request, port, memory, under, commit } = await inHand(t, 'READ', LENGTH);
    const bytes = pattern(777, 2);
    writeSync(sockets.sender, bytes);
    t.same(results(await port.group(request, transfer('RECV', sockets.receiver, 100, 5000))), [0, 777]);
    commit(LENGTH);
    t.equal((await under).res, LENGTH);
    const expected = new Uint8Array(LENGTH);
    expected.set(bytes, 100);
    t.bytes(memory.bytes, expected);
  });

  test('out of range, the wrong direction, and a registered buffer as well', async (t) => {
    const sockets = await connected(t, { family: 'tcp' });
    const [invalid, fault] = [-t.uapi.constant('EINVAL'), -t.uapi.constant('EFAULT')];
    const write = await inHand(t, 'WRITE', 4096);
    write.server.queues[0]?.pump.ring.registerBuffers([write.memory]);
    const answered = await write.port.group(
      write.request,
      transfer('SEND', sockets.sender, 1, 4096),
      transfer('SEND_ZC', sockets.sender, 4096, 1),
      transfer('RECV', sockets.receiver, 0, 4096),
      transfer('SEND_ZC', sockets.sender, 0, 4096, { ioprio: t.uapi.constant('IORING_RECVSEND_FIXED_BUF') }),
      transfer('SEND', sockets.sender, 0, 4096, { msg_flags: MSG_ZEROCOPY }),
    );
    t.same(results(answered), [0, fault, fault, invalid, invalid, invalid]);
    const read = await inHand(t, 'READ', 4096);
    const others = await read.port.group(
      read.request,
      transfer('SEND', sockets.sender, 0, 4096),
      transfer('SEND_ZC', sockets.sender, 0, 4096),
      transfer('RECV', sockets.receiver, 4095, 2),
      // What says that it is received and is not, and what would be received into other memory.
      transfer('RECV', sockets.receiver, 0, 4096, { msg_flags: MSG_TRUNC }),
      transfer('RECV', sockets.receiver, 0, 4096, { ioprio: t.uapi.constant('IORING_RECVSEND_BUNDLE') }),
    );
    t.same(results(others), [0, invalid, invalid, fault, invalid, invalid]);
    for (const { under, commit } of [write, read]) {
      commit(-t.uapi.constant('EIO'));
      t.errno(await under, 'EIO');
    }
    t.throws(() => readSync(sockets.receiver, new Uint8Array(1)), 'EAGAIN', 'something was sent');
  });

  test('what the network still has is not given back: the notification comes first', async (t) => {
    const sockets = await connected(t, { family: 'tcp', receiveBuffer: 4096, sendBuffer: 1 << 20 });
    const { request, port, server, memory, under, commit } = await inHand(t, 'WRITE', LENGTH);
    const pump = server.queues[0]?.pump;
    if (!pump) throw new Error('no queue');
    const [leader, sent] = pump.send(port.provide(request), transfer('SEND_ZC', sockets.sender, 0, LENGTH));
    if (!leader || !sent) throw new Error('two were sent');
    const { res, flags } = await sent;
    t.ok(res > 16_384, `the socket has taken ${res} bytes`);
    t.ok(flags & t.uapi.constant('IORING_CQE_F_MORE'), 'there is no notification to come');
    // Nobody has read it: most of it waits to be sent, in the client's own pages.
    const early = before(performance.now() + 300, Promise.race([leader, under]));
    t.ok(!(await early), 'given back while the network has it');
    const bytes = await received(sockets, res);
    t.equal((await leader).res, 0);
    commit(LENGTH);
    t.equal((await under).res, LENGTH);
    t.bytes(bytes, memory.bytes.subarray(0, res), 'what has come');
  });
});
