import { existsSync, readdirSync } from 'node:fs';
import { InjectedFault, ioMemory, nvme, pattern, SyscallError, suite, test } from '../lib/index.ts';
import { UblkServer } from '../lib/ublk/server.ts';
import { MIB, NEEDS, served, temporary } from '../lib/ublk/setup.ts';
import type { Answering } from '../lib/ublk/strategy.ts';
import { copyIn, userCopy } from '../lib/ublk/strategy.ts';
import { deviceTarget, fileTarget, memoryTarget } from '../lib/ublk/target.ts';

/**
 * What the client sees of an errno that the server commits (errno_to_blk_status and back, block/blk-core.c).
 * Not among them: EAGAIN and EOPNOTSUPP. A client in the server's own process would never hear of its request again: io_uring
 * means to issue it once more because it completes in the submitter's process, but nobody looks (io_complete_rw, Linux 6.12).
 */
const SEEN: Record<string, string> = {
  EIO: 'EIO',
  ENOSPC: 'ENOSPC',
  ETIMEDOUT: 'ETIMEDOUT',
  EINVAL: 'EINVAL',
  EFAULT: 'EIO',
  ENOENT: 'EIO',
};

/** NVM Express Base Specification 2.0, figure 94: 6h is Internal Error. */
const STATUS = { lbaOutOfRange: nvme.Status.lbaOutOfRange, internalError: 0x006 };

suite('errors', NEEDS, () => {
  for (const [committed, seen] of Object.entries(SEEN))
    test(`a server that commits ${committed}: the client sees ${seen}`, async (t) => {
      const { client, server } = await served(t, { target: memoryTarget(t, MIB) });
      await client.put(0, pattern(4096, 1));
      for (const kind of ['READ', 'WRITE'] as const) {
        const held = server.holdBack(({ length }) => length === 8192);
        const under = client.transfer(kind, ioMemory(t, 8192), 65536);
        await held.arrived();
        held.release(-t.uapi.constant(committed));
        t.errno(await under, seen, kind);
      }
      t.bytes(await client.get(0, 4096), pattern(4096, 1), 'it goes on afterwards');
    });

  test('a file that is shorter than its device: EIO after its end, data up to it', async (t) => {
    const target = fileTarget(t, temporary(t), MIB);
    const { client } = await served(t, { target });
    const bytes = pattern(8192, 2);
    await client.put(65536, bytes);
    target.file.truncate(65536 + 4096);
    t.errno(await client.transfer('READ', ioMemory(t, 4096), 512 << 10), 'EIO');
    t.errno(await client.transfer('READ', ioMemory(t, 8192), 65536), 'EIO', 'half of it is there');
    t.bytes(await client.get(65536, 4096), bytes.subarray(0, 4096));
  });

  for (const [status, seen] of Object.entries({ lbaOutOfRange: 'EREMOTEIO', internalError: 'EIO' } as const))
    test(`a drive that fails a command with ${status}: ${seen}`, { devices: ['data'] }, async (t) => {
      const device = t.device('data');
      const { client } = await served(t, { target: deviceTarget(t, device, MIB) });
      const bytes = pattern(4096, 4);
      await client.put(0, bytes);
      const [path] = device.controllers.map((controller) => device.pathName(controller));
      for (const kind of ['READ', 'WRITE'] as const) {
        using fault = new InjectedFault(path ?? device.name, {
          ...{ status: STATUS[status as keyof typeof STATUS], times: 1, dontRetry: true },
        });
        const memory = ioMemory(t, 4096, 9);
        t.errno(await client.transfer(kind, memory, 0), seen, kind);
        t.equal(fault.left, 0, 'the drive was not asked');
      }
      // The fault spoils the completion: that of the write had written.
      t.bytes(await client.get(0, 4096), pattern(4096, 9), 'it goes on afterwards');
    });

  test('an answer to a part of a request: what is left is asked for again', async (t) => {
    const target = memoryTarget(t, MIB);
    const asked: number[] = [];
    const halves: Answering = (whole, uapi) => {
      const answer = userCopy(whole, uapi);
      return (request, port) => {
        if (request.kind !== 'read' || request.length <= 4096) return answer(request, port);
        asked.push(request.length);
        const half = request.length / 2;
        return copyIn(request, port, target.memory.bytes.subarray(request.offset, request.offset + half));
      };
    };
    const { client } = await served(t, { target, answering: halves });
    const bytes = pattern(32 << 10, 6);
    await client.put(0, bytes);
    asked.length = 0;
    t.bytes(await client.get(0, bytes.length), bytes);
    t.same(asked, [32 << 10, 16 << 10, 8 << 10]);
  });

  test('memory: the server has what was written, at its place', async (t) => {
    const target = memoryTarget(t, MIB);
    const { client } = await served(t, { target });
    const bytes = pattern(64 << 10, 5);
    await client.put(12_288 + 512, bytes);
    t.bytes(target.memory.bytes.subarray(12_800, 12_800 + bytes.length), bytes);
    t.bytes(target.memory.bytes.subarray(0, 12_800), new Uint8Array(12_800), 'what is before it');
  });

  test('a strategy that throws: EIO, and whoever disposes of the server hears of it', async (t) => {
    const broken: Answering = (target, uapi) => {
      const answer = userCopy(target, uapi);
      return (request, port) => {
        if (request.offset === 65536) throw new Error('broken');
        return answer(request, port);
      };
    };
    const { client, server } = await served(t, { target: memoryTarget(t, MIB), answering: broken });
    t.errno(await client.transfer('WRITE', ioMemory(t, 4096), 65536), 'EIO');
    await client.put(0, pattern(4096, 1));
    client[Symbol.dispose]();
    const message = await server[Symbol.asyncDispose]().then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    t.equal(message, 'broken');
    t.ok(!existsSync(server.path), 'the block device is left');
  });

  test('data of a request: only in its direction, its length, and while it is under way', async (t) => {
    const { client, server } = await served(t, { target: memoryTarget(t, MIB) });
    const [queue] = server.queues;
    if (!queue) throw new Error('no queue');
    const held = server.holdBack();
    const under = client.transfer('WRITE', ioMemory(t, 4096, 3), 0);
    const [request] = await held.arrived();
    if (!request) throw new Error('no request');
    const bytes = new Uint8Array(8192);
    t.throws(() => queue.char.write(bytes, queue.position(request)), 'EACCES', 'the wrong direction');
    // It says how much of the reader's memory it went through, not how much it filled (ublk_copy_user_pages, Linux 6.12).
    t.ok(queue.char.read(bytes, queue.position(request)) >= 4096, 'all of it');
    t.bytes(bytes.subarray(0, 4096), pattern(4096, 3));
    t.bytes(bytes.subarray(4096), new Uint8Array(4096), 'no more than there is');
    t.equal(queue.char.read(bytes.subarray(0, 512), queue.position(request, 1024)), 512);
    t.bytes(bytes.subarray(0, 512), pattern(4096, 3).subarray(1024, 1536), 'a part of it');
    t.throws(() => queue.char.read(bytes, queue.position(request, 4097)), 'EINVAL', 'after its end');
    const nobody = { ...request, tag: request.tag + 1 };
    const absent = { ...request, queue: request.queue + server.queues.length };
    for (const other of [nobody, absent])
      t.throws(() => queue.char.read(bytes, queue.position(other)), 'EINVAL', 'no such request');
    held.release(4096);
    t.equal((await under).res, 4096);
    t.throws(() => queue.char.read(bytes, queue.position(request)), 'EINVAL', 'it has ended');
  });

  test('what the kernel refuses to add or to start leaves nothing behind', async (t) => {
    const target = memoryTarget(t, MIB);
    const refused = async (options: Partial<Parameters<typeof UblkServer.start>[1]>) => {
      try {
        t.use(await UblkServer.start(t.uapi, { target, ...options }));
      } catch (error) {
        if (error instanceof SyscallError) return `${error.syscall} ${error.code}`;
        throw error;
      }
      return 'it was started';
    };
    t.equal(await refused({ depth: 5000 }), 'UBLK_U_CMD_ADD_DEV EINVAL', 'too many tags');
    t.equal(await refused({ blockSize: 8192 }), 'UBLK_U_CMD_SET_PARAMS EINVAL', 'a block larger than a page');
    t.equal(await refused({ maxIo: 2048 }), 'UBLK_U_CMD_SET_PARAMS EINVAL', 'requests smaller than a page');
    const left = readdirSync('/dev').filter((name) => /^ublk[bc]/.test(name));
    t.same(left, [], 'devices');
    const { client } = await served(t, { target });
    await client.put(0, pattern(512, 1));
  });
});
