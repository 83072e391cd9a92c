import { readFileSync } from 'node:fs';
import { ioMemory, pattern, suite, test } from '../base.ts';
import { runCommand } from './client.ts';
import { type DataPath, pathOptions } from './datapath.ts';
import { MIB, startServer } from './fixtures.ts';
import { recorded } from './recorded.ts';
import { segmentTests } from './segments.ts';
import type { UblkServer } from './server.ts';

/** Registers the tests of how the block layer forms requests: segments, merges, size limit, tags, queues, flush and FUA. */
export function shapeTests(dataPath: DataPath): void {
  suite('shapes of requests', dataPath.needs, () => {
    segmentTests(dataPath);
    limitTests(dataPath);
    queueTests(dataPath);
    flushTests(dataPath);
  });
}

function limitTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  test("no request exceeds the server's maximum I/O size", async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const maxIo = 64 << 10;
    const target = dataPath.scratch(t, 4 * MIB);
    const { client, server } = await startServer(t, { target, flags, makeStrategy, maxIo });
    const sysfs = `/sys/block/ublkb${server.id}/queue`;
    const maxSectors = readFileSync(`${sysfs}/max_hw_sectors_kb`, 'utf8').trim();
    t.equal(maxSectors, '64', 'max_hw_sectors_kb of the device');
    const bytes = pattern(MIB, 17);
    const first = requests.length;
    await client.put(0, bytes);
    t.bytes(await client.get(0, MIB), bytes, 'bytes read back');
    const sizes = requests.slice(first).map(({ length }) => length);
    t.ok(
      sizes.every((length) => length <= maxIo),
      `each request has at most ${maxIo} bytes, not ${sizes}`,
    );
    t.ok(sizes.length >= 32, `2 MiB take 32 requests or more, not ${sizes.length}`);
  });

  test('64 writes in flight complete on a queue with two tags', async (t) => {
    const target = dataPath.scratch(t, MIB);
    const { client } = await startServer(t, { ...pathOptions(dataPath), target, depth: 2 });
    const memory = ioMemory(t, 64 * 4096, 6);
    const writes = Array.from({ length: 64 }, (_, index) => {
      const part = memory.part(index * 4096, 4096);
      // Gaps between the writes: none is merged, so each needs a tag.
      return client.transfer('WRITE', part, index * 8192);
    });
    for (const [index, { res }] of (await Promise.all(writes)).entries())
      t.equal(res, 4096, `CQE res of write ${index}`);
    for (let index = 0; index < 64; index++)
      t.bytes(
        await client.get(index * 8192, 4096),
        memory.bytes.subarray(index * 4096, (index + 1) * 4096),
        `bytes of write ${index}`,
      );
  });
}

/** The first CPU whose requests go to this queue of the device. */
const firstCpuOf = ({ id }: UblkServer, queue: number) =>
  Number.parseInt(readFileSync(`/sys/block/ublkb${id}/mq/${queue}/cpu_list`, 'utf8'), 10);

function queueTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  test('with two queues, the requests of each CPU go to its queue only', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const target = dataPath.scratch(t, 4 * MIB);
    const { client, server } = await startServer(t, { target, flags, makeStrategy, queues: 2 });
    const cpus = Number(t.lab.cell.facts.vcpus);
    t.equal(server.queues.length, Math.min(2, cpus), 'queues of the device, at most one per CPU');
    if (cpus < 2) t.skip('the guest has one CPU');

    const first = requests.length;
    // busybox's dd reads on the CPU that taskset sets; a CPU of queue 0 reads the first MiB, one of queue 1 the second.
    for (const queue of [0, 1]) {
      const mask = (1 << firstCpuOf(server, queue)).toString(16);
      const input = [`if=${server.path}`, 'of=/dev/null', 'bs=64k', 'count=4', `skip=${queue * 16}`];
      await runCommand(t, 'taskset', mask, 'dd', ...input);
    }
    const reads = requests.slice(first);
    for (const queue of [0, 1]) {
      const offsets = reads.filter((request) => request.queue === queue).map(({ offset }) => offset);
      t.ok(offsets.length > 0, `queue ${queue} has requests`);
      t.ok(
        offsets.every((offset) => Math.floor(offset / MIB) === queue),
        `each request of queue ${queue} is in MiB ${queue} of the device, at ${offsets}`,
      );
    }
    const bytes = pattern(MIB, 9);
    await client.put(3 * MIB, bytes);
    t.bytes(await client.get(3 * MIB, MIB), bytes, 'bytes read back');
  });
}

function flushTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  test('an RWF_DSYNC write reaches the server with FUA, and an fsync as a flush', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const { client } = await startServer(t, { target: dataPath.scratch(t, MIB), flags, makeStrategy });
    const first = requests.length;
    await client.put(0, pattern(4096, 1));
    await client.put(8192, pattern(4096, 2), t.uapi.constant('RWF_DSYNC'));
    t.equal((await client.fsync()).res, 0, 'CQE res of the fsync');
    t.same(
      requests.slice(first).map(({ kind, fua, offset, length }) => ({ kind, fua, offset, length })),
      [
        { kind: 'write', fua: false, offset: 0, length: 4096 },
        { kind: 'write', fua: true, offset: 8192, length: 4096 },
        { kind: 'flush', fua: false, offset: 0, length: 0 },
      ],
      'requests to the server',
    );
  });

  test('a device without a volatile cache receives neither FUA nor flushes', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const target = dataPath.scratch(t, MIB);
    const { client } = await startServer(t, { target, flags, makeStrategy, attributes: [] });
    const first = requests.length;
    await client.put(0, pattern(4096, 1), t.uapi.constant('RWF_DSYNC'));
    t.equal((await client.fsync()).res, 0, 'CQE res of the fsync');
    t.same(
      requests.slice(first).map(({ kind, fua }) => ({ kind, fua })),
      [{ kind: 'write', fua: false }],
      'requests to the server',
    );
  });
}
