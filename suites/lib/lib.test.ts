import { createServer, type Server } from 'node:net';
import t from 'tap';
import { buildBinding } from '../binding/build.mjs';
import { loadBinding, Memory } from '../binding/index.ts';
import { hostUapi } from '../fakes/host-uapi.ts';
import type { Device } from './device.ts';
import { HostClient } from './host.ts';
import { iovecs } from './iovec.ts';
import * as nvme from './nvme.ts';
import { fillPattern, pattern } from './pattern.ts';
import { ringOptions } from './ring.ts';
import { writePassthrough, writeSqe } from './sqe.ts';
import { SkipError, UapiTable } from './uapi.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());
const device = { nsid: 3, blockSize: 512 } as Device;

t.test(
  'UapiTable resolves names of the kernel, and throws SkipError for a name that it does not have',
  (t) => {
    t.equal(uapi.constant('IORING_OP_URING_CMD'), 46);
    t.equal(uapi.bits('IORING_SETUP_SQE128', 'IORING_SETUP_CQE32'), 0xc00);
    t.throws(
      () => uapi.constant('IORING_OP_NEVER'),
      new SkipError('the kernel has no IORING_OP_NEVER', 'IORING_OP_NEVER'),
    );
    t.throws(() => uapi.constant('constructor'), SkipError);
    t.throws(() => uapi.size('nothing'), SkipError);
    t.throws(() => uapi.field('io_uring_sqe', 'toString'), SkipError);
    const release = (text: string) => new UapiTable({ release: text, constants: {}, structs: {} });
    t.same(
      ['6.1', '6.12', '6.13', '5.19', '7.0'].map((since) => release('6.12.117-ringlab').since(since)),
      [true, true, false, true, false],
    );
    t.same(ringOptions(uapi, { shape: 'big', cqEntries: 8 }), { entries: 64, cqEntries: 8, flags: 0xc08 });
    t.end();
  },
);

t.test('writePassthrough puts every field at its offset, and cuts the command off in a 64-byte SQE', (t) => {
  const view = new DataView(new ArrayBuffer(128));
  const command = {
    opcode: 2,
    nsid: 3,
    addr: 0x1234_5678_9abcn,
    dataLength: 4096,
    cdw10: 0xfffffff0,
    timeoutMs: 7,
  };
  writePassthrough(view, uapi, { fd: 5, command, userData: -1n, bufIndex: 9, flags: ['IOSQE_ASYNC'] });
  t.equal(view.getUint8(0), 46);
  t.equal(view.getUint8(1), 16);
  t.equal(view.getInt32(4, true), 5);
  t.equal(view.getUint32(8, true), uapi.constant('NVME_URING_CMD_IO'));
  t.equal(view.getUint32(28, true), uapi.constant('IORING_URING_CMD_FIXED'));
  t.equal(view.getBigUint64(32, true), 0xffff_ffff_ffff_ffffn);
  t.equal(view.getUint16(40, true), 9);
  t.same(
    [48, 48 + 4].map((at) => view.getUint8(at)),
    [2, 3],
  );
  t.equal(view.getBigUint64(48 + 24, true), 0x1234_5678_9abcn);
  t.same(
    [36, 40, 64].map((at) => view.getUint32(48 + at, true)),
    [4096, 0xfffffff0, 7],
  );
  const small = new DataView(new ArrayBuffer(64));
  writePassthrough(small, uapi, { fd: 5, command });
  t.equal(small.getUint8(48), 2, 'opcode of the command that was cut off');
  writeSqe(small, uapi, { opcode: 200, off: 0x1_0000_0000, more: { rw_flags: 3 } });
  t.equal(small.getBigUint64(8, true), 0x1_0000_0000n);
  t.end();
});

t.test(
  'NVMe commands have their dwords, and identify data and iovecs their fields, as the specifications say',
  (t) => {
    using memory = new Memory(8192);
    t.match(nvme.transfer('write', device, { lba: 0x1_0000_0005n, blocks: 8 }, memory, { offset: 512 }), {
      ...{ opcode: 1, nsid: 3, cdw10: 5, cdw11: 1, cdw12: 7, dataLength: 4096 },
      addr: memory.address + 512n,
    });
    t.match(nvme.getLogPage(2, 0xffffffff, memory), { cdw10: 0x07ff0002, cdw11: 0 });
    t.match(nvme.zoneSend(device, 64, 4, true), { opcode: 0x79, cdw10: 64, cdw12: 0, cdw13: 0x104 });
    t.equal(nvme.statusCode(0x4080), 0x80);
    memory.view.setBigUint64(0, 1000n, true);
    memory.view.setUint8(26, 1);
    memory.view.setUint8(29, 9);
    memory.view.setUint32(132, (12 << 16) | 8, true);
    t.same(nvme.namespaceFormat(memory), { blocks: 1000n, blockSize: 4096, metadataBytes: 8, piType: 1 });
    using list = iovecs([{ address: 16n, length: 5 }]);
    t.same([list.view.getBigUint64(0, true), list.view.getBigUint64(8, true), list.length], [16n, 5n, 16]);
    t.end();
  },
);

t.test('a pattern is the same for the same seed, differs for another, and repeats no word', (t) => {
  t.same(pattern(1023, 5), pattern(1023, 5));
  t.notSame(pattern(64, 5), pattern(64, 6));
  const words = new Uint32Array(pattern(40_000, 1).buffer);
  t.equal(new Set(words).size, words.length, 'distinct words');
  const bytes = new Uint8Array(9);
  fillPattern(bytes.subarray(1), 3);
  t.same(bytes.subarray(1), pattern(8, 3));
  t.end();
});

/**
 * The host's end of a host channel: replies with what `reply` returns for the verb, each line in two pieces, and drops the connection
 * at `mark`. Returns its port.
 */
async function fakeHost(
  t: { teardown(call: () => void): void },
  reply: (verb: string) => object,
): Promise<number> {
  const server: Server = createServer((socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const request of lines) {
        const { id, verb } = JSON.parse(request);
        if (verb === 'mark') return void socket.destroy();
        const line = `${JSON.stringify({ id, ok: true, ...reply(verb) })}\n`;
        socket.write(line.slice(0, 5));
        setImmediate(() => socket.write(line.slice(5)));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  return (server.address() as { port: number }).port;
}

t.test(
  'HostClient returns replies, throws the reason of a refusal, and connects again after a lost connection',
  async (t) => {
    const port = await fakeHost(t, (verb) =>
      verb === 'console' ? { text: 'hello' } : verb === 'unplug' ? { ok: false, error: 'no such slot' } : {},
    );
    await using host = new HostClient(port);
    t.ok(host.available);
    t.equal(await host.console(), 'hello');
    await Promise.all([host.throttle('drive0', 10), host.replug('mp')]);
    await t.rejects(host.unplug('mp'), /host channel: unplug .*"mp".* failed: no such slot/);
    await t.rejects(host.mark(), /host channel: closed/);
    t.equal(await host.console(), 'hello', 'reply on a new connection');
    await t.rejects(new HostClient(undefined).mark(), /RINGLAB_HOST_PORT is not set/);
  },
);
