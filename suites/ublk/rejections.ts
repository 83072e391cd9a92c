import { readdirSync } from 'node:fs';
import { ioMemory, pattern, SyscallError, suite, test } from '../lib/index.ts';
import { MIB, startServer, UBLK_NEEDS } from '../lib/ublk/fixtures.ts';
import { UblkServer } from '../lib/ublk/server.ts';
import { memoryTarget } from '../lib/ublk/target.ts';

suite('rejections', UBLK_NEEDS, () => {
  test('access to request data fails with EACCES in the wrong direction and with EINVAL outside a request in flight', async (t) => {
    const { client, server } = await startServer(t, { target: memoryTarget(t, MIB) });
    const [queue] = server.queues;
    if (!queue) throw new Error('the server has no queue');
    const held = server.holdBack();
    const write = client.transfer('WRITE', ioMemory(t, 4096, 3), 0);
    const [request] = await held.arrived();
    if (!request) throw new Error('no request has arrived');
    const bytes = new Uint8Array(8192);
    t.throws(
      () => queue.char.write(bytes, queue.position(request)),
      'EACCES',
      'errno of a pwrite to the data of a write request',
    );
    // The result counts the reader's memory that was walked, not the bytes copied (ublk_copy_user_pages, Linux 6.12).
    const copied = queue.char.read(bytes, queue.position(request));
    t.ok(copied >= 4096, `pread returns 4096 bytes or more, not ${copied}`);
    t.bytes(bytes.subarray(0, 4096), pattern(4096, 3), 'bytes that pread has copied');
    t.bytes(bytes.subarray(4096), new Uint8Array(4096), "memory behind the request's length");
    const part = bytes.subarray(0, 512);
    t.equal(queue.char.read(part, queue.position(request, 1024)), 512, 'result of a pread at offset 1024');
    t.bytes(part, pattern(4096, 3).subarray(1024, 1536), 'bytes of the pread at offset 1024');
    const positions = {
      'behind the end of the request': queue.position(request, 4097),
      'of a tag without a request': queue.position({ ...request, tag: request.tag + 1 }),
      'of a queue that does not exist': queue.position({
        ...request,
        queue: request.queue + server.queues.length,
      }),
    };
    for (const [place, position] of Object.entries(positions))
      t.throws(() => queue.char.read(bytes, position), 'EINVAL', `errno of a pread ${place}`);
    held.release(4096);
    t.equal((await write).res, 4096, 'CQE res of the write');
    t.throws(
      () => queue.char.read(bytes, queue.position(request)),
      'EINVAL',
      'errno of a pread of a completed request',
    );
  });

  test('a device that the kernel rejects with EINVAL leaves no node behind, and the next one starts', async (t) => {
    const target = memoryTarget(t, MIB);
    const rejection = async (options: Partial<Parameters<typeof UblkServer.start>[1]>) => {
      try {
        t.use(await UblkServer.start(t.uapi, { target, ...options }));
      } catch (error) {
        if (error instanceof SyscallError) return `${error.syscall} ${error.code}`;
        throw error;
      }
      return 'no error';
    };
    t.equal(
      await rejection({ depth: 5000 }),
      'UBLK_U_CMD_ADD_DEV EINVAL',
      'error for a depth above UBLK_MAX_QUEUE_DEPTH',
    );
    t.equal(
      await rejection({ blockSize: 8192 }),
      'UBLK_U_CMD_SET_PARAMS EINVAL',
      'error for a block larger than a page',
    );
    t.equal(
      await rejection({ maxIo: 2048 }),
      'UBLK_U_CMD_SET_PARAMS EINVAL',
      'error for a maximum I/O size below a page',
    );
    const nodes = readdirSync('/dev').filter((name) => /^ublk[bc]/.test(name));
    t.same(nodes, [], 'device nodes after the rejections');
    const { client } = await startServer(t, { target });
    await client.put(0, pattern(512, 1));
  });
});
