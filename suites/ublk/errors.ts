import { existsSync } from 'node:fs';
import { InjectedFault, ioMemory, nvme, pattern, suite, test } from '../lib/index.ts';
import { MIB, startServer, temporaryPath, UBLK_NEEDS } from '../lib/ublk/fixtures.ts';
import { copyIn, type StrategyFactory, userCopy } from '../lib/ublk/strategy.ts';
import { deviceTarget, fileTarget, memoryTarget } from '../lib/ublk/target.ts';

/**
 * Errno that the server commits -> errno that the client sees (errno_to_blk_status and blk_status_to_errno, block/blk-core.c).
 * EAGAIN and EOPNOTSUPP are left out: their requests never complete for a client in the server's process. io_complete_rw (Linux
 * 6.12) marks them for reissue because they complete in the submitter's process, but no code path reissues them.
 */
const CLIENT_ERRNO: Record<string, string> = {
  EIO: 'EIO',
  ENOSPC: 'ENOSPC',
  ETIMEDOUT: 'ETIMEDOUT',
  EINVAL: 'EINVAL',
  EFAULT: 'EIO',
  ENOENT: 'EIO',
};

/** NVMe status of a failed command, and the errno that the client sees (nvme_error_status, drivers/nvme/host/core.c). */
const DRIVE_FAULTS = [
  { name: 'LBA Out of Range', status: nvme.Status.lbaOutOfRange, errno: 'EREMOTEIO' },
  // NVM Express Base Specification 2.0, figure 94: Internal Error.
  { name: 'Internal Error', status: 0x006, errno: 'EIO' },
];

/**
 * __ublk_complete_rq() of Linux 7.3 leaves with success before it looks at the result when it has no data to unmap, as with user copy; 7.2
 * and 6.12 requeue the rest of a short read. The client then gets bytes that were never written.
 */
const SHORT_READ =
  'a short read of a device with user copy completes as a whole, with memory that was not written (__ublk_complete_rq, Linux 7.3; not in 7.2)';

suite('errors', UBLK_NEEDS, () => {
  for (const [committed, seen] of Object.entries(CLIENT_ERRNO))
    test(`the client sees ${seen} when the server commits ${committed}`, async (t) => {
      const { client, server } = await startServer(t, { target: memoryTarget(t, MIB) });
      await client.put(0, pattern(4096, 1));
      for (const opcode of ['READ', 'WRITE'] as const) {
        const held = server.holdBack(({ length }) => length === 8192);
        const transfer = client.transfer(opcode, ioMemory(t, 8192), 65536);
        await held.arrived();
        held.release(-t.uapi.constant(committed));
        t.errno(await transfer, seen, `CQE res of the failed ${opcode}`);
      }
      t.bytes(await client.get(0, 4096), pattern(4096, 1), 'bytes read after the failures');
    });

  test('reads past the end of a truncated backing file fail with EIO, and reads up to its end succeed', {
    knownFault: SHORT_READ,
  }, async (t) => {
    const target = fileTarget(t, temporaryPath(t), MIB);
    const { client } = await startServer(t, { target });
    const bytes = pattern(8192, 2);
    await client.put(65536, bytes);
    target.file.truncate(65536 + 4096);
    const past = await client.transfer('READ', ioMemory(t, 4096), 512 << 10);
    t.errno(past, 'EIO', 'CQE res of a read past the end');
    const across = await client.transfer('READ', ioMemory(t, 8192), 65536);
    t.errno(across, 'EIO', 'CQE res of a read across the end');
    t.bytes(await client.get(65536, 4096), bytes.subarray(0, 4096), 'bytes read up to the end');
  });

  for (const { name, status, errno } of DRIVE_FAULTS)
    test(`the client sees ${errno} when the drive fails a command with ${name}`, {
      devices: ['data'],
    }, async (t) => {
      const device = t.device('data');
      const { client } = await startServer(t, { target: deviceTarget(t, device, MIB) });
      await client.put(0, pattern(4096, 4));
      const [path] = device.controllers.map((controller) => device.pathName(controller));
      for (const opcode of ['READ', 'WRITE'] as const) {
        using fault = new InjectedFault(path ?? device.name, { status, times: 1, dontRetry: true });
        const transfer = await client.transfer(opcode, ioMemory(t, 4096, 9), 0);
        t.errno(transfer, errno, `CQE res of the failed ${opcode}`);
        t.equal(fault.left, 0, `faults left after the ${opcode}`);
      }
      // The fault replaces the status of a completion: the failed write has reached the medium.
      t.bytes(await client.get(0, 4096), pattern(4096, 9), 'bytes read after the failures');
    });

  test('a read that the server answers in part is requeued for the rest until all bytes are read', {
    knownFault: SHORT_READ,
  }, async (t) => {
    const target = memoryTarget(t, MIB);
    const halvedLengths: number[] = [];
    const answerHalf: StrategyFactory = (whole, uapi) => {
      const strategy = userCopy(whole, uapi);
      return (request, port) => {
        if (request.kind !== 'read' || request.length <= 4096) return strategy(request, port);
        halvedLengths.push(request.length);
        const half = request.length / 2;
        return copyIn(request, port, target.memory.bytes.subarray(request.offset, request.offset + half));
      };
    };
    const { client } = await startServer(t, { target, makeStrategy: answerHalf });
    const bytes = pattern(32 << 10, 6);
    await client.put(0, bytes);
    halvedLengths.length = 0;
    t.bytes(await client.get(0, bytes.length), bytes, 'bytes read');
    t.same(halvedLengths, [32 << 10, 16 << 10, 8 << 10], 'lengths of the reads that were answered by half');
  });

  test('a write reaches the memory target at its offset, and the bytes before it stay zero', async (t) => {
    const target = memoryTarget(t, MIB);
    const { client } = await startServer(t, { target });
    const bytes = pattern(64 << 10, 5);
    await client.put(12_288 + 512, bytes);
    const written = target.memory.bytes.subarray(12_800, 12_800 + bytes.length);
    t.bytes(written, bytes, 'bytes of the target at the offset');
    t.bytes(target.memory.bytes.subarray(0, 12_800), new Uint8Array(12_800), 'bytes before the offset');
  });

  test('a strategy that throws fails its request with EIO, and disposing of the server throws its error', async (t) => {
    const failing: StrategyFactory = (target, uapi) => {
      const strategy = userCopy(target, uapi);
      return (request, port) => {
        if (request.offset === 65536) throw new Error('broken');
        return strategy(request, port);
      };
    };
    const { client, server } = await startServer(t, { target: memoryTarget(t, MIB), makeStrategy: failing });
    const write = await client.transfer('WRITE', ioMemory(t, 4096), 65536);
    t.errno(write, 'EIO', 'CQE res of the write that the strategy rejects');
    await client.put(0, pattern(4096, 1));
    client[Symbol.dispose]();
    const message = await server[Symbol.asyncDispose]().then(
      () => 'no error',
      (error: Error) => error.message,
    );
    t.equal(message, 'broken', 'error of the disposal');
    t.equal(existsSync(server.path), false, 'existence of the block device after the disposal');
  });
});
