import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../process.ts';
import { trySandbox } from '../sandbox.ts';
import { systemCallFilter } from './filter.ts';
import { limitNames } from './limits.ts';
import { selfTest } from './selftest.ts';
import { ABIS } from './system-calls.ts';

/** Headers of the kernel (linux-libc-dev) that define the numbers of an architecture. */
const HEADERS = {
  x64: ['/usr/include/x86_64-linux-gnu/asm/unistd_64.h', '/usr/include/asm/unistd_64.h'],
  arm64: ['/usr/include/asm-generic/unistd.h'],
};

for (const [arch, headers] of Object.entries(HEADERS)) {
  const header = headers.find((file) => existsSync(file)) ?? '';
  const skip = header === '' && 'no header of the kernel on this machine';
  t.test(`the numbers of system calls of ${arch} are those of the kernel`, { skip }, (t) => {
    const numbers = new Map(
      [...readFileSync(header, 'utf8').matchAll(/^#define __NR_(\w+)\s+(\d+)/gm)].map(([, name, number]) => [
        name,
        Number(number),
      ]),
    );
    const abi = ABIS[arch];
    const { denied, fallocate, sockets } = abi ?? {};
    for (const [name, number] of Object.entries({ ...denied, fallocate, ...sockets }))
      t.equal(number, numbers.get(name), name);
    t.end();
  });
}

t.test('there is no filter where the kernel has none and for an unknown architecture', (t) => {
  const files = t.testdir({ empty: '', some: 'kill_thread trap allow\n', all: 'kill_process errno allow\n' });
  const bytes = (actions: string, arch?: string) => systemCallFilter(join(files, actions), arch).length;
  t.equal(bytes('missing', 'x64'), 0, 'bytes without the file');
  t.equal(bytes('empty', 'x64'), 0, 'bytes with an empty file');
  t.equal(bytes('some', 'x64'), 0, 'bytes without the actions that the filter gives');
  t.equal(bytes('all', 'vax'), 0, 'bytes for an unknown architecture');
  for (const arch of Object.keys(ABIS)) t.ok(bytes('all', arch) % 8 === 0 && bytes('all', arch) > 0, arch);
  t.end();
});

t.test('the limits say what limits the processes', (t) => {
  const names = (counter: Parameters<typeof limitNames>[0], isRoot: boolean) =>
    limitNames(counter, isRoot).filter((name) => name.includes('process'));
  const cgroup = { kind: 'cgroup', version: 1, folders: { pids: '/a', memory: '/b' } } as const;
  const inMemory = { kind: 'cgroup', version: 1, folders: { memory: '/b' } } as const;
  t.same(names(cgroup, true), ['process limit (cgroup v1)']);
  t.same(names(inMemory, true), ['process limit (watch)']);
  t.same(names({ kind: 'systemd', user: false }, true), ['process limit (systemd)']);
  t.same(names(undefined, false), ['memory limit of each process', 'process limit (prlimit)']);
  t.same(names(undefined, true), ['memory limit of each process', 'process limit (watch)']);
  t.end();
});

const works = (await trySandbox()) === undefined;
t.test('the self-test refuses a sandbox from which keyrings are reachable', { skip: !works }, async (t) => {
  // As the self-test judges: of another user's keyring, which su leaves with a shell, the kernel says EACCES.
  const call = `syscall(${ABIS[process.arch]?.denied.keyctl}, 0, -3, 0)`;
  const getKeyring = `exit(${call} == -1 && ($!{ENOSYS} || $!{EPERM}) ? 1 : 0)`;
  const { code } = await run('perl', ['-e', getKeyring], { accept: 'any' });
  const expected = code === 0 ? 'escape: the keyrings of the user are reachable' : undefined;
  t.equal(await selfTest(undefined, Buffer.alloc(0)), expected, 'reason without a filter');
});
