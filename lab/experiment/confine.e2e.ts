/** What the kernel says about a running QEMU: its filter, its user and its files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import { bootGuest, profiles, scratchFolder } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import { testVmlinux } from './testing/kernel.ts';

const ctx = { signal: new AbortController().signal, emit: () => {} };
const vmlinux = await testVmlinux(ctx);
const isRoot = process.getuid?.() === 0;

async function boot(t: Test) {
  const scratch = await scratchFolder('guest');
  t.teardown(() => scratch[Symbol.asyncDispose]());
  const image = await ensureImage('minimal', ctx);
  const { multipath: profile } = profiles;
  if (!profile) throw new Error('no profile multipath');
  const request = { name: 'confined', profile, kernel: { vmlinux }, image, accel: 'tcg' as const };
  const guest = await bootGuest({ ...request, dir: scratch.dir, bootTimeoutMs: 180_000 }, ctx);
  t.teardown(() => guest[Symbol.asyncDispose]());
  return { guest, dir: scratch.dir };
}

/** A field of `/proc/PID/status`. */
const statusOf = (pid: number, field: string) =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

t.test('QEMU runs with a system call filter, without privileges, and sees only its files', async (t) => {
  const { guest, dir } = await boot(t);
  const { pid, confinement } = guest;
  t.match(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), /^\S*qemu-system-/, 'program of the process');
  t.equal(statusOf(pid, 'Seccomp'), '2', 'Seccomp: filter');
  t.equal(statusOf(pid, 'NoNewPrivs'), '1', 'NoNewPrivs');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) t.match(statusOf(pid, set), /^0+$/, set);
  t.match(confinement, ['seccomp', 'mount-namespace', 'pid-namespace', 'ipc-namespace']);
  if (isRoot) {
    t.match(statusOf(pid, 'CapBnd'), /^0+$/, 'CapBnd');
    t.equal(statusOf(pid, 'Uid'), '61100\t61100\t61100\t61100', 'Uid');
    t.equal(statusOf(pid, 'Gid'), '61100\t61100\t61100\t61100', 'Gid');
    t.ok(confinement.includes('uid-61100'), 'protection uid-61100');
  }
  const root = `/proc/${pid}/root`;
  t.notOk(existsSync(`${root}/etc/passwd`), '/etc/passwd');
  t.notOk(existsSync(`${root}/proc/1`), 'processes of the host');
  const drives = readdirSync(`${root}${dir}`).sort();
  t.same(drives, ['drive-mp-shared-pi.raw', 'drive-mp-shared.raw', 'seed.tar'], 'files of the boot');
  t.same(readdirSync(`${root}${dirname(vmlinux)}`), ['vmlinux'], 'files of the kernel');
  if (homedir() !== '/') t.notOk(existsSync(`${root}${homedir()}/.ssh`), 'keys of the user');
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  const writable = mounts
    .map((line) => line.split(' '))
    .filter(([, , , , , options]) => options?.startsWith('rw'));
  t.same(
    writable.map(([, , , , at = '']) => at).filter((at) => !/^\/(dev(\/.*)?)?$/.test(at)).length,
    2 + 2,
    'writable mounts besides / and /dev: two sockets and two drives',
  );
});

t.test(
  'a QEMU that is killed inside of its namespaces is reported with its signal, and nothing is left',
  async (t) => {
    const { guest } = await boot(t);
    process.kill(guest.pid, 'SIGKILL');
    t.match(await guest.death, { kind: 'signal', title: /SIGKILL/ });
    await guest[Symbol.asyncDispose]();
    t.notOk(existsSync(`/proc/${guest.pid}`), 'process of QEMU');
  },
);
