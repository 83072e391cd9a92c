import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { required as packages } from '../../setup/packages.mjs';
import { InputError } from '../core/errors.ts';
import { hostArch } from '../model/arch.ts';
import type { AccelChoice } from '../model/machine.ts';
import { examineIoUring, examineNode } from './host.ts';
import { type DoctorOptions, examine, type Finding } from './index.ts';
import { versionIn } from './probe.ts';
import { toolsOf } from './tools.ts';

const arch = hostArch();
const { system, user, exitDevice, iommu } = arch.qemu;

const DEVICES = [
  ...[exitDevice.name, 'virtio-blk-pci', 'virtio-net-pci', 'virtio-rng-pci', 'pcie-root-port'],
  ...['nvme', 'nvme-ns', 'nvme-subsys', iommu.device, 'virtio-iommu-pci'],
];

/** A QEMU with exactly these devices. */
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
  [system]: qemuWith(DEVICES),
  ccache: 'echo "ccache version 4.7.5"',
  gcc: 'echo "gcc (Debian 12.2.0-14) 12.2.0"',
  ssh: 'echo "OpenSSH_9.2p1 Debian-2" >&2',
  bwrap: 'case "$1" in --version) echo "bubblewrap 0.8.0" ;; esac',
};
const PLAIN_TOOLS = ['git', 'make', 'flex', 'bison', 'bc', 'cpio', 'rsync', 'xz', 'bzip2', 'zstd', 'python3'];
for (const tool of [...PLAIN_TOOLS, 'apt-get', 'dpkg-deb', 'strip', user])
  HEALTHY[tool] = `echo "${tool} 1.2.3"`;
HEALTHY['mkfs.erofs'] = 'echo "usage: [options] FILE DIRECTORY"';

/** A folder that is the whole PATH, with the healthy tools; `changes` replaces scripts (undefined: not installed). */
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

const KVM: AccelChoice = { accel: 'kvm', reason: 'a guest ran with it' };
const TCG: AccelChoice = { accel: 'tcg', reason: 'guest was silent for 5 s' };

async function findings(srcDir: string, options: Partial<DoctorOptions> = {}) {
  const ctx = { signal: new AbortController().signal, emit() {} };
  const probers = { probeAccel: async () => KVM, trySandbox: async () => undefined };
  const all = { ...probers, srcDir, cacheDir: srcDir, diskNeed: 1, memoryNeed: 1, ...options };
  const list = await examine(ctx, all);
  return { list, of: (need: string): Finding | undefined => list.find((finding) => finding.need === need) };
}

t.test('a healthy machine has every need met, with versions', async (t) => {
  const { list, of } = await findings(await machine(t));
  const missing = list.filter(({ ok }) => !ok).map(({ need }) => need);
  t.same(
    missing.filter((need) => need !== 'io_uring on the host'),
    ['kernel source debian-6.1'],
  );
  t.match(of('QEMU'), { found: '7.2.22', level: 'required' });
  t.match(of('compiler'), { found: '12.2.0' });
  t.match(of('SSH client'), { found: '9.2p1' });
  t.match(of('bubblewrap'), { found: '0.8.0; no attempt to escape succeeds' });
  t.match(of('KVM'), { ok: true, found: /a guest starts/ });
  t.match(of('kernel source debian-6.12'), { ok: true, found: /linux-source-6.12.tar.xz/ });
});

t.test('a missing tool or source comes with its Debian package and how to install it', async (t) => {
  const { list, of } = await findings(await machine(t, { ccache: undefined, gcc: undefined }));
  t.match(of('ccache'), { ok: false, level: 'optional', fix: /apt-get install ccache \(without it/ });
  t.match(of('compiler'), { ok: false, level: 'required', fix: /build-essential/ });
  t.match(of('kernel source debian-6.1'), {
    ok: false,
    level: 'optional',
    fix: /setup -- --all, or: .* linux-source-6\.1$/,
  });
  for (const { need, ok, fix } of list) t.ok(ok || fix, `${need} is met or has a fix`);
});

t.test('a QEMU without one device has only that device missing', async (t) => {
  const devices = DEVICES.filter((name) => name !== 'nvme-subsys');
  const { list } = await findings(await machine(t, { [system]: qemuWith(devices) }));
  const missing = list.filter(({ need, ok }) => need.startsWith('QEMU') && !ok);
  t.match(missing, [{ need: 'QEMU device nvme-subsys', level: 'required', fix: /multipath/ }]);
  t.equal(missing.length, 1);
});

t.test('without QEMU no guest is started and KVM is not examined', async (t) => {
  let tried = false;
  const probeAccel = async () => {
    tried = true;
    return TCG;
  };
  const { of } = await findings(await machine(t, { [system]: undefined }), { probeAccel });
  t.match(of('QEMU'), { ok: false, fix: `apt-get install ${arch.qemu.debianPackage}` });
  t.notOk(of('KVM'));
  t.notOk(tried);
});

t.test('a QEMU that exits with an error is reported with that error, not as missing', async (t) => {
  const { of } = await findings(await machine(t, { [system]: 'echo "no libfoo" >&2; exit 127' }));
  t.match(of('QEMU'), { ok: false, found: /no libfoo/ });
});

t.test('a KVM that runs no guest is optional, with the reason for TCG', async (t) => {
  const dir = await machine(t);
  const broken = await findings(dir, { probeAccel: async () => TCG });
  t.match(broken.of('KVM'), {
    ok: false,
    level: 'optional',
    found: /TCG emulation: guest was silent for 5 s/,
  });
  const failing = await findings(dir, { probeAccel: () => Promise.reject(new Error('no room')) });
  t.match(failing.of('KVM'), { ok: false, found: /not known: no room/, fix: /nothing has to be done/ });
});

t.test('bubblewrap is examined with the sandbox of builds, which may fail or throw', async (t) => {
  const dir = await machine(t);
  const works = await findings(dir, { trySandbox: async () => undefined });
  t.match(works.of('bubblewrap'), { ok: true, found: /^0\.8\.0;/ });
  const refused = await findings(dir, { trySandbox: async () => 'bwrap: No permissions' });
  t.match(refused.of('bubblewrap'), {
    ...{ ok: false, level: 'required' },
    ...{ found: /does not work: .*No permissions/, fix: /user namespaces/ },
  });
  const leaky = await findings(dir, { trySandbox: async () => 'escape: /usr is writable' });
  t.match(leaky.of('bubblewrap'), { ok: false, found: /does not hold: escape: \/usr is writable/ });
  const failing = await findings(dir, { trySandbox: () => Promise.reject(new Error('no /dev/null')) });
  t.match(failing.of('bubblewrap'), { ok: false, found: /does not work: no \/dev\/null/ });
});

t.test('without bubblewrap the sandbox is not tried', async (t) => {
  let tried = false;
  const trySandbox = async () => {
    tried = true;
    return undefined;
  };
  const { of } = await findings(await machine(t, { bwrap: undefined }), { trySandbox });
  t.match(of('bubblewrap'), { ok: false, found: undefined, fix: /apt-get install bubblewrap/ });
  t.notOk(tried);
});

t.test('an abort while the sandbox is tried rejects with the abort reason', async (t) => {
  const dir = await machine(t);
  const abort = new AbortController();
  const trySandbox = async () => {
    abort.abort(new Error('enough'));
    throw new Error('bwrap was ended by SIGTERM');
  };
  const ctx = { signal: abort.signal, emit() {} };
  const probers = { probeAccel: async () => KVM, trySandbox };
  await t.rejects(examine(ctx, { ...probers, srcDir: dir, cacheDir: dir }), /enough/);
});

t.test('every command that set-up installs a package for is examined', (t) => {
  const examined = new Set(['bwrap', system, ...toolsOf(arch).map(({ command }) => command)]);
  // depmod is in /usr/sbin, which need not be in the user's PATH; ssh-keygen is of the same package as ssh.
  const exempt = ['depmod', 'ssh-keygen'];
  const commands = packages.flatMap(({ command }) => command ?? []);
  t.same(
    commands.filter((command) => !examined.has(command)),
    exempt,
  );
  t.end();
});

t.test('too little disk space and memory are reported with what is needed', async (t) => {
  const dir = await machine(t);
  const { of } = await findings(dir, {
    diskNeed: 2 ** 60,
    memoryNeed: 2 ** 60,
    cacheDir: join(dir, 'not/yet'),
  });
  t.match(of('disk space'), {
    ...{ ok: false, found: /GiB free for .*not\/yet/ },
    fix: /kernels, work and images .* can be deleted.*RINGLAB_CACHE/,
  });
  t.match(of('memory'), { ok: false, fix: /at least/ });
});

t.test('sources with a path are examined there, and a malformed file throws InputError', async (t) => {
  const dir = await machine(t);
  const sourcesFile = join(dir, 'sources.yaml');
  await writeFile(
    sourcesFile,
    `mine:\n  summary: a tree\n  path: ${dir}\nlost:\n  summary: gone\n  path: /no/such\n`,
  );
  const { of } = await findings(dir, { sourcesFile });
  t.match(of('kernel source mine'), { ok: true, found: dir });
  t.match(of('kernel source lost'), { ok: false, fix: /\/no\/such does not exist/ });
  await writeFile(sourcesFile, 'mine:\n  package: [1]\n');
  await t.rejects(findings(dir, { sourcesFile }), InputError);
});

t.test('a source of a Debian suite needs its package, or apt with the keys of Debian', async (t) => {
  const dir = await machine(t);
  const sourcesFile = join(dir, 'sources.yaml');
  await writeFile(sourcesFile, 'new:\n  package: linux-source-9.9\n  suite: shells\n');
  const source = async () =>
    (await findings(dir, { sourcesFile, srcDir: dir, keyringDir: join(dir, 'keys') })).of(
      'kernel source new',
    );
  t.match(await source(), { ok: false, level: 'optional', fix: /apt-get install debian-archive-keyring/ });
  await mkdir(join(dir, 'keys'));
  await writeFile(join(dir, 'keys/debian-archive-keyring.gpg'), '');
  t.match(await source(), { ok: true, found: /downloaded from Debian shells when/ });
  await writeFile(join(dir, 'linux-source-9.9.tar.xz'), '');
  t.match(await source(), { ok: true, found: join(dir, 'linux-source-9.9.tar.xz') });
});

t.test('the sources that the user has added are examined too', async (t) => {
  const dir = await machine(t);
  await mkdir(join(dir, 'cache'));
  await writeFile(join(dir, 'cache/sources.yaml'), 'mine:\n  path: /no/such\n');
  const { of } = await findings(dir, { cacheDir: join(dir, 'cache') });
  t.match(of('kernel source mine'), { ok: false, level: 'optional', fix: /does not exist/ });
});

t.test('an abort while KVM is probed rejects with the abort reason', async (t) => {
  const dir = await machine(t, { git: 'kill -9 $$' });
  const abort = new AbortController();
  const probeAccel = async () => {
    abort.abort(new Error('enough'));
    abort.signal.throwIfAborted();
    return TCG;
  };
  const ctx = { signal: abort.signal, emit() {} };
  await t.rejects(
    examine(ctx, { probeAccel, trySandbox: async () => undefined, srcDir: dir, cacheDir: dir }),
    /enough/,
  );
});

t.test('a version is the first dotted number of a text', (t) => {
  t.equal(versionIn('flex 2.6.4'), '2.6.4');
  t.equal(versionIn('usage: FILE'), undefined);
  t.end();
});

t.test('Node.js is required from 20.17 on', (t) => {
  for (const [version, ok] of [
    ['20.17.0', true],
    ['20.16.1', false],
    ['18.20.0', false],
    ['22.1.0', true],
  ] as const) {
    t.equal(examineNode(version).ok, ok, version);
  }
  t.end();
});

t.test('io_uring on the host is met without the sysctl and not met with its value 2', async (t) => {
  const sysctl = join(await machine(t), 'io_uring_disabled');
  t.match(await examineIoUring(sysctl), { ok: true });
  await writeFile(sysctl, '2\n');
  t.match(await examineIoUring(sysctl), { ok: false, found: /= 2: disabled/, fix: /sysctl/ });
});
