/** What tests leave behind, in a /proc of files. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { Leftovers, type LeftoversOptions } from './leftovers.ts';

const MEMINFO = {
  MemTotal: 400_000,
  MemFree: 200_000,
  Cached: 50_000,
  AnonPages: 60_000,
  Slab: 40_000,
  SUnreclaim: 30_000,
};

/** A /proc with an idle agent, which a test changes. */
function fakeProc(t: Test) {
  const proc = t.testdir({ self: { fd: {} }, sys: { kernel: {}, vm: { drop_caches: '' } } });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(proc, path)), { recursive: true });
    writeFileSync(join(proc, path), text);
  };
  let files = 0;
  let mapped = 0;
  let newest = 0;
  let pinned = 0;
  const writeStatus = () =>
    write('self/status', `Name:\tnode\nVmSize:\t${900_000 + 8 * mapped} kB\nVmPin:\t${pinned} kB\n`);
  const h = {
    proc,
    write,
    open: (target: string) => symlinkSync(target, join(proc, 'self/fd', String(files++))),
    task: (pid: number, name: string, state: string) => {
      write(`${pid}/stat`, `${pid} (${name}) ${state} 1 1`);
      newest = Math.max(newest, pid);
      write('loadavg', `0.10 0.05 0.01 1/70 ${newest}\n`);
    },
    end: (pid: number) => rmSync(join(proc, String(pid)), { recursive: true }),
    maps: (...of: string[]) => {
      write('self/maps', of.map((name) => `7f00-7f01 rw-s 0 00:0f 1  ${name}\n`).join(''));
      mapped = of.length;
      writeStatus();
    },
    pinned: (kib: number) => {
      pinned = kib;
      writeStatus();
    },
    taint: (value: number) => write('sys/kernel/tainted', `${value}\n`),
    memory: (changes: Partial<typeof MEMINFO> = {}) =>
      write(
        'meminfo',
        Object.entries({ ...MEMINFO, ...changes })
          .map(([name, kib]) => `${name}:${String(kib).padStart(10)} kB\n`)
          .join(''),
      ),
    slabs: (objects: Record<string, number>) =>
      write(
        'slabinfo',
        `slabinfo - version: 2.1\n# name <active_objs> ...\n${Object.entries(objects)
          .map(([name, count]) => `${name} ${count} ${count} 1024 16 4 : tunables 0 0 0\n`)
          .join('')}`,
      ),
    watch: (options: LeftoversOptions = {}) => new Leftovers({ proc, ...options }),
  };
  h.taint(0);
  h.maps('[heap]', '/usr/bin/node');
  h.pinned(0);
  h.memory();
  h.task(1, 'init', 'S');
  h.open('socket:[1]');
  return h;
}

t.test('a test that leaves nothing behind has no leftovers, whatever else changes', async (t) => {
  const h = fakeProc(t);
  const leftovers = h.watch();
  h.open('socket:[2]');
  h.open('anon_inode:[eventpoll]');
  h.open('pipe:[3]');
  h.task(20, 'kworker/0:1', 'I');
  h.maps('[heap]', '/usr/bin/node', '[anon]');
  h.memory({ MemFree: 195_000, SUnreclaim: 31_000, Slab: 41_000 });
  h.taint(4096);
  t.same(await leftovers.look(), []);
});

t.test('each leftover is named once, by the look after the test that left it', async (t) => {
  const h = fakeProc(t);
  const leftovers = h.watch();
  h.taint(512 + 128);
  h.task(30, 'dd of=(x) y', 'D');
  h.open('/dev/ng0n1');
  h.open('/dev/ng0n1');
  h.open('anon_inode:[io_uring]');
  h.maps('anon_inode:[io_uring]', 'anon_inode:[io_uring]', '[heap]');
  h.pinned(256);
  t.same(await leftovers.look(), [
    'a tainted kernel: D (an oops or BUG), W (a warning)',
    'a task in state D: 30 (dd of=(x) y)',
    'open files: 2 x /dev/ng0n1, anon_inode:[io_uring]',
    'mappings: 2 x anon_inode:[io_uring]',
    '256 KiB of pinned memory',
  ]);
  t.same(await leftovers.look(), [], 'a later test did not leave it');
  h.taint(512 + 128 + 32);
  h.open('/dev/ng0n1');
  t.same(await leftovers.look(), ['a tainted kernel: B (a bad page)', 'open files: /dev/ng0n1']);
});

t.test('what goes within a moment is not left behind', async (t) => {
  const h = fakeProc(t);
  const leftovers = h.watch();
  h.task(30, 'iou-wrk', 'D');
  h.pinned(64);
  setTimeout(() => h.end(30), 60);
  setTimeout(() => h.pinned(0), 120);
  t.same(await leftovers.look(), []);
});

t.test('memory counts once the caches are shrunk, with the caches that have grown', async (t) => {
  const h = fakeProc(t);
  h.slabs({ 'kmalloc-1k': 1000, dentry: 1000 });
  const leftovers = h.watch();
  h.memory({ SUnreclaim: 40_000, Slab: 50_000, MemFree: 180_000 });
  h.slabs({ 'kmalloc-1k': 9000, dentry: 1010, 'nvme-x': 600 });
  t.same(await leftovers.look(), [
    '9.8 MiB of slab memory (kmalloc-1k 7.8 MiB, nvme-x 0.6 MiB)',
    '9.8 MiB of pages',
  ]);
  t.same(await leftovers.look(), []);
  h.memory({ SUnreclaim: 43_000, Slab: 53_000, MemFree: 177_000 });
  t.same(await leftovers.look(), [], 'too little to be told from noise');
  h.memory({ SUnreclaim: 45_000, Slab: 55_000, MemFree: 175_000 });
  t.match(await leftovers.look(), ['4.9 MiB of slab memory'], 'little by little');
});

t.test('free pages that a CPU keeps for itself are free', async (t) => {
  const h = fakeProc(t);
  const zones = (count: number) =>
    h.write(
      'zoneinfo',
      `Node 0, zone DMA32\n  pagesets\n    cpu: 0\n              count:    ${count}\n              high: 9\n`,
    );
  zones(0);
  const leftovers = h.watch();
  h.memory({ MemFree: 184_000 });
  zones(4000);
  t.same(await leftovers.look(), []);
  zones(0);
  t.same(await leftovers.look(), ['15.6 MiB of pages']);
});

t.test('of programs only the guest is looked at, and of debug kernels no memory', async (t) => {
  const h = fakeProc(t);
  const [programs, debug] = [h.watch({ ownProcess: false }), h.watch({ memory: false })];
  h.open('/dev/ng0n1');
  h.taint(512);
  h.memory({ SUnreclaim: 90_000, Slab: 100_000, MemFree: 100_000 });
  t.match(await programs.look(), [/tainted/, /slab memory/, /pages/]);
  t.match(await debug.look(), [/tainted/, /open files/]);
});

t.test('a guest without these files has no leftovers', async (t) => {
  const leftovers = new Leftovers({ proc: join(t.testdir(), 'none') });
  t.same(await leftovers.look(), []);
});
