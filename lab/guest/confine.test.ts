/** What a confined program sees and may do. bash stands for QEMU: it has no seccomp filter, and shows what it reaches. */
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../core/process.ts';
import { SECCOMP } from './command.ts';
import { confine, confinementLevel, GUEST_UID, type QemuFiles } from './confine.ts';

const isRoot = process.getuid?.() === 0;
const { kind } = await confinementLevel('bash');
const skip = kind === 'bwrap' ? false : 'bubblewrap cannot make namespaces here';

/** Runs a script, confined to `files`: its protections and what it printed. */
async function confined(script: string, files: Partial<QemuFiles> = {}) {
  const all = { readOnly: [], writable: [], userArgs: [], kvm: false, dir: '/nowhere', ...files };
  const { command, protections } = await confine(['bash', ...SECCOMP, '-c', script], all);
  const [program = '', ...args] = command;
  const { stdout } = await run(program, args);
  return { protections, stdout };
}

t.test('a confined program sees the named files and no other folder of the host', { skip }, async (t) => {
  const dir = join(
    t.testdir({ home: { image: 'the image', 'drive.raw': 'old', client_key: 'secret' }, other: {} }),
    'home',
  );
  // As the home of a user, which the unprivileged user of the guest may not search.
  chmodSync(dir, 0o700);
  const [image, drive, key] = ['image', 'drive.raw', 'client_key'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const script = `cat ${image}; echo new >${drive}; cat ${drive}
    (echo x >${image}) 2>&1 | grep -o 'Read-only\\|denied' || echo written
    ls ${dir}; cat ${key} /etc/passwd /proc/1/status 2>/dev/null | wc -c; ls ${dir}/..`;
  const { stdout } = await confined(script, { readOnly: [image], writable: [drive] });
  const [content, rest] = [stdout.slice(0, 9), stdout.slice(9).trim().split('\n')];
  t.equal(content, 'the image', 'content of the read-only file');
  t.match(rest, ['new', /Read-only|denied/, 'drive.raw', 'image', '0', 'home']);
});

t.test('a confined program keeps neither the user of root nor a capability', { skip }, async (t) => {
  const { stdout, protections } = await confined(
    'id -u; id -g; id -G; setpriv --reuid=0 id -u 2>&1 | tail -1',
  );
  const [uid, gid, groups, again] = stdout.trim().split('\n');
  t.match(protections, ['mount-namespace', 'pid-namespace', 'ipc-namespace']);
  t.ok(protections.includes('no-capabilities'), 'protection no-capabilities');
  t.notOk(protections.includes('seccomp'), 'bash has no seccomp filter');
  if (!isRoot) return t.equal(Number(uid), process.getuid?.(), 'user');
  t.ok(protections.includes(`uid-${GUEST_UID}`), 'protection of the user');
  t.same([uid, gid, groups], [`${GUEST_UID}`, `${GUEST_UID}`, `${GUEST_UID}`], 'user, group and groups');
  t.match(again, /Operation not permitted/, 'setuid(0)');
});

t.test('a read-only file that others may not read is visible all the same', { skip }, async (t) => {
  const dir = t.testdir({ vmlinux: 'a kernel' });
  const vmlinux = join(dir, 'vmlinux');
  chmodSync(vmlinux, 0o600);
  const { stdout } = await confined(`cat ${vmlinux}`, { readOnly: [vmlinux], dir });
  t.equal(stdout, 'a kernel');
  t.equal(statSync(vmlinux).uid, process.getuid?.(), 'owner of the file in the cache');
  t.equal(statSync(vmlinux).mode & 0o777, 0o600, 'mode of the file in the cache');
});

t.test(
  'a socket of the lab can be connected to, though its folder cannot be searched',
  { skip },
  async (t) => {
    // The path of a socket has at most 107 bytes (unix(7)); the folder of a test has more.
    const dir = mkdtempSync(join(tmpdir(), 'confine-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 's');
    const server = createServer((socket) => socket.end('hello\n'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    t.teardown(() => server.close());
    const script = `perl -MIO::Socket::UNIX -e 'print IO::Socket::UNIX->new(Peer => shift)->getline' ${path}`;
    const { stdout } = await confined(script, { writable: [path] });
    t.equal(stdout, 'hello\n');
  },
);

t.test("files in arguments of the user are visible, with the user's own access", { skip }, async (t) => {
  const dir = t.testdir({ 'disk.img': 'mine' });
  const disk = join(dir, 'disk.img');
  writeFileSync(disk, 'mine', { mode: 0o600 });
  const userArgs = ['-drive', `if=none,file=${disk},format=raw`, '-name', '/nowhere'];
  const { stdout, protections } = await confined(`cat ${disk}; echo more >>${disk}; id -u`, { userArgs });
  t.equal(stdout, `mine${process.getuid?.()}\n`, 'content and user');
  t.notOk(
    protections.some((name) => name.startsWith('uid-')),
    'no other user',
  );
  t.ok(protections.includes('no-capabilities'), 'protection no-capabilities');
});

t.test(
  'a program that cannot run in the namespaces runs without them and without capabilities',
  async (t) => {
    const script = `#!/bin/sh
cat "$(dirname "$0")/../../elsewhere" && grep -E '^(CapEff|NoNewPrivs)' /proc/self/status
`;
    const dir = t.testdir({ qemu: { bin: { qemu: script } }, elsewhere: 'outside of the installation\n' });
    const program = join(dir, 'qemu/bin/qemu');
    chmodSync(program, 0o755);
    const files = { readOnly: [], writable: [], userArgs: [], kvm: false, dir };
    const { command, protections } = await confine([program, ...SECCOMP], files);
    const [file = '', ...args] = command;
    const { stdout } = await run(file, args);
    t.match(stdout, /^outside of the installation\n/);
    t.notOk(protections.includes('mount-namespace'), 'no namespace');
    t.match(stdout, /NoNewPrivs:\t1/);
    t.match(stdout, /CapEff:\t0+\n/);
  },
);
