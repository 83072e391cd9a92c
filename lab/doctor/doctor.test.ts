import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError } from '../core/errors.ts';
import { examineIoUring, examineNode } from './host.ts';
import { type DoctorOptions, examine, type Finding } from './index.ts';
import { versionIn } from './probe.ts';

const DEVICES = [
  ...['isa-debug-exit', 'virtio-blk-pci', 'virtio-net-pci', 'virtio-rng-pci', 'pcie-root-port'],
  ...['nvme', 'nvme-ns', 'nvme-subsys', 'intel-iommu', 'virtio-iommu-pci'],
];

/** A QEMU that has the devices given and no others. */
const qemuWith = (devices: string[]) => `
case "$*" in
  --version) echo "QEMU emulator version 7.2.22 (Debian)" ;;
  "-device help") cat <<'END'
Storage devices:
${devices.map((name) => `name "${name}", bus PCI`).join('\n')}
END
  ;;
  *) exit 1 ;;
esac`;

const HEALTHY: Record<string, string> = {
  'qemu-system-x86_64': qemuWith(DEVICES),
  ccache: 'echo "ccache version 4.7.5"',
  gcc: 'echo "gcc (Debian 12.2.0-14) 12.2.0"',
  ssh: 'echo "OpenSSH_9.2p1 Debian-2" >&2',
  bwrap: 'case "$1" in --version) echo "bubblewrap 0.8.0" ;; esac',
};
for (const tool of ['git', 'make', 'flex', 'bison', 'bc', 'apt-get', 'dpkg-deb', 'strip', 'qemu-x86_64'])
  HEALTHY[tool] = `echo "${tool} 1.2.3"`;
HEALTHY['mkfs.erofs'] = 'echo "usage: [options] FILE DIRECTORY"';

/** A machine whose PATH holds the healthy tools, changed by `changes` (undefined = not installed). */
async function machine(t: Test, changes: Record<string, string | undefined> = {}): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'doctor-'));
  const { PATH = '' } = process.env;
  t.teardown(async () => {
    process.env.PATH = PATH;
    await rm(dir, { recursive: true });
  });
  for (const tool of ['setpriv', 'cat']) await symlink(`/usr/bin/${tool}`, join(dir, tool));
  for (const [name, script] of Object.entries({ ...HEALTHY, ...changes })) {
    if (script !== undefined) await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  await writeFile(join(dir, 'linux-source-6.12.tar.xz'), '');
  process.env.PATH = dir;
  return dir;
}

async function findings(srcDir: string, options: Partial<DoctorOptions> = {}) {
  const ctx = { signal: new AbortController().signal, emit() {} };
  const probeAccel = async () => ({ accel: 'kvm' }) as const;
  const all = { probeAccel, srcDir, cacheDir: srcDir, diskNeed: 1, memoryNeed: 1, ...options };
  const list = await examine(ctx, all);
  return { list, of: (need: string): Finding | undefined => list.find((finding) => finding.need === need) };
}

t.test('a healthy machine: everything found, with versions', async (t) => {
  const { list, of } = await findings(await machine(t));
  const missing = list.filter(({ ok }) => !ok).map(({ need }) => need);
  t.same(
    missing.filter((need) => need !== 'io_uring on the host'),
    ['kernel source debian-6.1'],
  );
  t.match(of('QEMU'), { found: '7.2.22', level: 'required' });
  t.match(of('compiler'), { found: '12.2.0' });
  t.match(of('SSH client'), { found: '9.2p1' });
  t.match(of('bubblewrap'), { found: '0.8.0' });
  t.match(of('KVM'), { ok: true, found: /a guest starts/ });
  t.match(of('kernel source debian-6.12'), { ok: true, found: /linux-source-6.12.tar.xz/ });
});

t.test('what is missing comes with how to fix it', async (t) => {
  const { list, of } = await findings(await machine(t, { ccache: undefined, gcc: undefined }));
  t.match(of('ccache'), { ok: false, level: 'optional', fix: /apt-get install ccache \(without it/ });
  t.match(of('compiler'), { ok: false, level: 'required', fix: /build-essential/ });
  t.match(of('kernel source debian-6.1'), {
    ok: false,
    level: 'optional',
    fix: /setup -- --all, or: .* linux-source-6\.1$/,
  });
  for (const { need, ok, fix } of list) t.ok(ok || fix, `${need} is there or says how to fix it`);
});

t.test('a QEMU without a device: that device alone is missing', async (t) => {
  const devices = DEVICES.filter((name) => name !== 'nvme-subsys');
  const { list } = await findings(await machine(t, { 'qemu-system-x86_64': qemuWith(devices) }));
  const missing = list.filter(({ need, ok }) => need.startsWith('QEMU') && !ok);
  t.match(missing, [{ need: 'QEMU device nvme-subsys', level: 'required', fix: /multipath/ }]);
  t.equal(missing.length, 1);
});

t.test('no QEMU at all: no guest is tried', async (t) => {
  let tried = false;
  const probeAccel = async () => {
    tried = true;
    return { accel: 'tcg' } as const;
  };
  const { of } = await findings(await machine(t, { 'qemu-system-x86_64': undefined }), { probeAccel });
  t.match(of('QEMU'), { ok: false, fix: /qemu-system-x86/ });
  t.notOk(of('KVM'));
  t.notOk(tried);
});

t.test('a QEMU that crashes is not called missing', async (t) => {
  const { of } = await findings(await machine(t, { 'qemu-system-x86_64': 'echo "no libfoo" >&2; exit 127' }));
  t.match(of('QEMU'), { ok: false, found: /no libfoo/ });
});

t.test('KVM that starts no guest falls back to TCG and says why', async (t) => {
  const dir = await machine(t);
  const dead = await findings(dir, {
    probeAccel: async () => ({ accel: 'tcg', reason: 'guest was silent for 5 s' }),
  });
  t.match(dead.of('KVM'), { ok: false, level: 'optional', found: /TCG emulation: guest was silent for 5 s/ });
  const failing = await findings(dir, { probeAccel: () => Promise.reject(new Error('no room')) });
  t.match(failing.of('KVM'), { ok: false, found: /not known: no room/, fix: /nothing has to be done/ });
});

t.test('bubblewrap that is installed but cannot isolate', async (t) => {
  const bwrap =
    'case "$1" in --version) echo "bubblewrap 0.8.0" ;; *) echo "bwrap: No permissions" >&2; exit 1 ;; esac';
  const { of } = await findings(await machine(t, { bwrap }));
  t.match(of('bubblewrap'), { ok: false, found: /does not work: .*No permissions/, fix: /user namespaces/ });
});

t.test('too little disk and memory', async (t) => {
  const dir = await machine(t);
  const { of } = await findings(dir, {
    diskNeed: 2 ** 60,
    memoryNeed: 2 ** 60,
    cacheDir: join(dir, 'not/yet'),
  });
  t.match(of('disk space'), { ok: false, found: /GiB free for .*not\/yet/, fix: /RINGLAB_CACHE/ });
  t.match(of('memory'), { ok: false, fix: /at least/ });
});

t.test('sources of the user: a path, and a file that is wrong', async (t) => {
  const dir = await machine(t);
  const sourcesFile = join(dir, 'sources.yaml');
  await writeFile(
    sourcesFile,
    `mine:\n  summary: own tree\n  path: ${dir}\nlost:\n  summary: gone\n  path: /no/such\n`,
  );
  const { of } = await findings(dir, { sourcesFile });
  t.match(of('kernel source mine'), { ok: true, found: dir });
  t.match(of('kernel source lost'), { ok: false, fix: /\/no\/such is not there/ });
  await writeFile(sourcesFile, 'mine:\n  package: [1]\n');
  await t.rejects(findings(dir, { sourcesFile }), InputError);
});

t.test('an abort ends the examination', async (t) => {
  const dir = await machine(t, { git: 'kill -9 $$' });
  const abort = new AbortController();
  const probeAccel = async () => {
    abort.abort(new Error('enough'));
    abort.signal.throwIfAborted();
    return { accel: 'tcg' } as const;
  };
  const ctx = { signal: abort.signal, emit() {} };
  await t.rejects(examine(ctx, { probeAccel, srcDir: dir, cacheDir: dir }), /enough/);
});

t.test('versions, Node.js and the io_uring switch', async (t) => {
  t.equal(versionIn('flex 2.6.4'), '2.6.4');
  t.equal(versionIn('usage: FILE'), undefined);
  for (const [version, ok] of [
    ['20.17.0', true],
    ['20.16.1', false],
    ['18.20.0', false],
    ['22.1.0', true],
  ] as const) {
    t.equal(examineNode(version).ok, ok, version);
  }
  const sysctl = join(await machine(t), 'io_uring_disabled');
  t.match(await examineIoUring(sysctl), { ok: true });
  await writeFile(sysctl, '2\n');
  t.match(await examineIoUring(sysctl), { ok: false, found: /= 2: disabled/, fix: /sysctl/ });
});
