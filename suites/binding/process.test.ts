import { execFile } from 'node:child_process';
import { chmodSync, constants, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { TestRing } from '../lib/ring.ts';
import { writeSqe } from '../lib/sqe.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { File, loadBinding, Memory, openAs, Victim } from './index.ts';
import { native } from './native.ts';

const addon = await buildBinding();
loadBinding(addon);
const uapi = new UapiTable(await hostUapi());

/** SQEs of `size` bytes with `user_data` from 100 on. */
function nops(count: number, size: number): Uint8Array {
  const bytes = new Uint8Array(count * size);
  for (let i = 0; i < count; i++)
    writeSqe(new DataView(bytes.buffer, i * size, size), uapi, {
      opcode: 'IORING_OP_NOP',
      userData: 100 + i,
    });
  return bytes;
}

t.test('a victim submits its SQEs, runs until it is killed, and ends with signal 9', async (t) => {
  await using victim = new Victim({ ring: { entries: 4 }, sqes: nops(3, 64), count: 3, keep: [] });
  t.equal(await victim.submitted(), 3);
  await t.rejects(victim.wait(50), /still runs after 50 ms/);
  victim.kill();
  t.same(await victim.wait(), { signal: 9 });
  t.throws(() => process.kill(victim.pid, 0), { code: 'ESRCH' });
});

t.test('a victim with `complete` reports its completions and exits with 0', async (t) => {
  const ring = { entries: 4, flags: (1 << 10) | (1 << 11) };
  await using child = new Victim({ ring, sqes: nops(2, 128), count: 2, keep: [], complete: true });
  const cqes = await child.completions();
  t.same(
    cqes.map(({ tag, res }) => [tag, res]),
    [
      [100, 0],
      [101, 0],
    ],
  );
  t.same(await child.wait(), { code: 0 });
});

// Only root may start a process of another user.
const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {};
t.test(
  'a victim of another user reads with a descriptor in `keep`, and gets EBADF for one that is not',
  async (t) => {
    using file = new File(join(t.testdir({ f: 'abc' }), 'f'), constants.O_RDONLY);
    using memory = new Memory(4096, 'shared');
    const sqe = new Uint8Array(64);
    const read = { opcode: 'IORING_OP_READ', fd: file.fd, addr: memory.address, len: 3 };
    writeSqe(new DataView(sqe.buffer), uapi, read);
    const common = { ring: { entries: 1 }, sqes: sqe, count: 1, complete: true };
    await using kept = new Victim({ ...common, keep: [file.fd], ...uid });
    t.equal((await kept.completions())[0]?.res, 3);
    t.equal(Buffer.from(memory.bytes.subarray(0, 3)).toString(), 'abc');
    await using closed = new Victim({ ...common, keep: [] });
    t.equal((await closed.completions())[0]?.res, -9);
  },
);

t.test(
  'a victim registers buffers and files before it submits, and reports EINVAL of a failed registration',
  async (t) => {
    using file = new File(join(t.testdir({ f: 'abc' }), 'f'), constants.O_RDONLY);
    using memory = new Memory(4096, 'shared');
    const sqe = new Uint8Array(64);
    const addr = memory.address;
    // Slot 1 of the file table, the second registration.
    const fixed = { opcode: 'IORING_OP_READ_FIXED', fd: 1, flags: ['IOSQE_FIXED_FILE'], addr, len: 3 };
    writeSqe(new DataView(sqe.buffer), uapi, fixed);
    const buffers = new Uint8Array(BigUint64Array.of(addr, 4096n).buffer);
    const files = new Uint8Array(Int32Array.of(-1, file.fd).buffer);
    const common = { ring: { entries: 1 }, sqes: sqe, count: 1, complete: true, keep: [file.fd] };
    const registration = (opcode: string, argument: Uint8Array, count: number) => ({
      ...{ opcode: uapi.constant(opcode), argument, count },
    });
    const registrations = [
      registration('IORING_REGISTER_BUFFERS', buffers, 1),
      registration('IORING_REGISTER_FILES', files, 2),
    ];
    await using child = new Victim({ ...common, registrations });
    t.equal((await child.completions())[0]?.res, 3);
    t.equal(Buffer.from(memory.bytes.subarray(0, 3)).toString(), 'abc');
    const emptyTable = [registration('IORING_REGISTER_FILES', files, 0)];
    await using refused = new Victim({ ...common, registrations: emptyTable });
    await t.rejects(refused.submitted(), { code: 'EINVAL', syscall: 'child' });
  },
);

t.test('a victim whose ring cannot be set up reports EINVAL and exits with 110', async (t) => {
  await using child = new Victim({
    ring: { entries: 1, flags: 1 << 30 },
    sqes: nops(1, 64),
    count: 1,
    keep: [],
  });
  await t.rejects(child.submitted(), { code: 'EINVAL', syscall: 'child' });
  t.same(await child.wait(), { code: 110 });
});

t.test(
  'openAs returns EACCES for a user who may not open the file, and nothing for root',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'ringlab-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    chmodSync(dir, 0o755);
    const path = join(dir, 'secret');
    writeFileSync(path, '', { mode: 0o600 });
    t.equal(openAs(0, path, constants.O_RDONLY), undefined);
    t.equal(openAs(65534, path, constants.O_RDONLY)?.code, 'EACCES');
    t.end();
  },
);

t.test('the addon throws the name and the expected type of a wrong argument', (t) => {
  const raw = native() as unknown as Record<string, (...args: unknown[]) => unknown>;
  const throwing = (name: string, args: unknown[], message: RegExp) =>
    t.throws(() => raw[name]?.(...args), message, `${name}(${args.length})`);
  throwing('open', [4], /arguments: expected 2, got 1/);
  throwing('open', [-1, new Uint8Array(120)], /entries: expected an integer from 0/);
  throwing('open', [4, new Uint8Array(7)], /params: expected a struct/);
  throwing('open', [4, new Uint32Array(30)], /params: expected an ArrayBuffer/);
  throwing('enter', [{}, 0, 0, 0, 0], /ring: expected a handle/);
  throwing('allocate', ['x', 0], /length: expected an integer/);
  throwing('mapFile', [0, 0, -1], /length: expected an integer from 0/);
  throwing('release', [5], /arrayBuffer: expected memory of this addon/);
  throwing('watch', [0, 'no function'], /callback: expected a function/);
  // Truncated SQEs, and a registration whose argument lies outside of its memory.
  for (const [sqes, registrations] of [
    [3, 0],
    [64, 12],
  ] as const) {
    const [params, kept] = [new Uint8Array(120), new Uint8Array(1024)];
    const bytes = [new Uint8Array(sqes), 1, new Uint8Array(registrations), null];
    throwing('victim', [1, params, ...bytes, kept, -1, 0], /sizes and counts are inconsistent/);
  }
  const watch = raw.watch?.(native().pidfd(process.pid), () => {});
  throwing('close', [watch], /ring: expected a handle of the right kind/);
  raw.unwatch?.(watch);
  raw.unwatch?.(watch);
  t.end();
});

/** A program with an open ring, a watch and memory. */
const script = (body: string) => `
  const module = { exports: {} };
  process.dlopen(module, ${JSON.stringify(addon)});
  const native = module.exports;
  const params = new Uint8Array(120);
  const ring = native.open(8, params);
  native.watch(native.notifyFd(ring.handle), () => {});
  const memory = new Uint8Array(native.allocate(8192, 0));
  ${body}`;

t.test('a process with open rings ends when its event loop is empty, and by process.exit', async (t) => {
  const runNode = (body: string) =>
    promisify(execFile)(process.execPath, ['-e', script(body)], { timeout: 20_000 });
  t.equal((await runNode('console.log(memory.length)')).stdout, '8192\n');
  t.equal((await runNode('console.log(1); process.exit(0)')).stdout, '1\n');
  const abandonRings =
    'globalThis.gc?.(); for (let i = 0; i < 300; i++) native.open(64, params); console.log(2)';
  t.equal((await runNode(abandonRings)).stdout, '2\n');
});

t.test('a worker thread that is terminated leaves no mapping of its ring behind', async (t) => {
  const ringMappings = () =>
    readFileSync('/proc/self/maps', 'utf8').match(/anon_inode:\[io_uring\]/g)?.length ?? 0;
  const before = ringMappings();
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(
      script(
        `require('worker_threads').parentPort.postMessage(native.indices(ring.handle).sqHead); setInterval(() => {}, 1000)`,
      ),
      { eval: true },
    );
    t.equal(await new Promise((resolve) => worker.once('message', resolve)), 0);
    await worker.terminate();
  }
  t.equal(ringMappings(), before, 'mapped rings');
  using ring = new TestRing(uapi);
  t.equal((await ring.run({ opcode: 'IORING_OP_NOP' })).res, 0);
});

t.test('buildBinding leaves an addon that is up to date as it is', async (t) => {
  const { mtimeMs } = statSync(addon);
  t.equal(await buildBinding(), addon);
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('build.mjs', import.meta.url)),
  ]);
  t.equal(stdout.trim(), addon);
  t.equal(statSync(addon).mtimeMs, mtimeMs);
});

t.test('buildBinding builds an addon again that is not as it was built, and reports it', async (t) => {
  const folder = t.testdir({});
  const damaged: string[] = [];
  const build = () => buildBinding(folder, (file) => damaged.push(file));
  const addon = await build();
  const sound = readFileSync(addon);
  for (const bytes of [sound.subarray(0, 4096), Buffer.alloc(sound.length), Buffer.alloc(0)]) {
    writeFileSync(addon, bytes);
    t.equal(await build(), addon);
    t.ok(readFileSync(addon).equals(sound), 'the addon is as it was');
  }
  t.same(damaged, [addon, addon, addon]);
});
