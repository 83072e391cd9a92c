/** Profiles, layout and command line of guests. No QEMU. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { InputError, LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { ARCHES, type Arch } from '../model/arch.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { GuestRequest } from '../model/machine.ts';
import { bootPaths } from './boot-paths.ts';
import { kernelArguments, qemuCommand } from './command.ts';
import { loadProfiles, profiles } from './index.ts';
import { knownHost, makeKey } from './keys.ts';
import { layOut } from './layout.ts';
import { probeDisk } from './probe-code.ts';
import { profileProblems } from './profile-problems.ts';

const x86 = ARCHES.find(({ name }) => name === 'x86_64') as Arch;

const builtIn = (name: string): GuestProfile => {
  const profile = profiles[name];
  if (!profile) throw new Error(`no profile ${name}`);
  return profile;
};

const request = (profile: GuestProfile, more: Partial<GuestRequest> = {}): GuestRequest => ({
  name: 'k/g',
  profile,
  kernel: { vmlinux: '/k/vmlinux' },
  image: { recipe: 'minimal', key: 'key', path: '/i/root.erofs' },
  accel: 'tcg',
  dir: '/d',
  bootTimeoutMs: 1000,
  ...more,
});

/** The command line of a guest on x86-64. */
const commandOf = (profile: GuestProfile, more: Partial<GuestRequest> = {}, arch = x86) => {
  const full = request(profile, more);
  return qemuCommand(full, bootPaths(full.dir), arch);
};

/** Every value of an option, such as `-device`. */
const values = (command: readonly string[], option: string) =>
  command.flatMap((word, index) => (command[index - 1] === option ? word : []));

const devices = (name: string) => values(commandOf(builtIn(name)), '-device');
const append = (name: string) => values(commandOf(builtIn(name)), '-append')[0] ?? '';

t.test('every built-in profile has no problem, is frozen and has its roles', (t) => {
  const dma = 'plain plain-4k iommu-strict iommu-lazy iommu-pt virtio-iommu swiotlb';
  const drives = 'small-mdts hotplug multipath multipath-polled zns pi polled';
  t.same(Object.keys(profiles), `${dma} ${drives} icount`.split(' '));
  for (const [name, profile] of Object.entries(profiles)) {
    t.same(profileProblems(profile), [], name);
    t.ok(Object.isFrozen(profile.nvme[0]?.namespaces));
    const roles = layOut(profile).namespaces.map(({ info }) => info.role);
    t.ok(roles.includes(name.startsWith('multipath') ? 'shared' : 'data'), `${name}: ${roles}`);
  }
  t.end();
});

t.test('a guest whose clock runs ahead reports no hung tasks', (t) => {
  t.match(append('icount'), / sysctl\.kernel\.hung_task_timeout_secs=0( |$)/);
  t.notMatch(append('plain'), /hung_task/);
  t.end();
});

t.test('every command line isolates the guest and has its console, root image and namespaces', (t) => {
  for (const profile of Object.values(profiles)) {
    const command = commandOf(profile);
    for (const option of ['-nodefaults', '-no-user-config', '-no-reboot', '-no-shutdown'])
      t.ok(command.includes(option));
    t.same(values(command, '-display'), ['none']);
    t.same(values(command, '-kernel'), ['/k/vmlinux']);
    t.match(values(command, '-append')[0], /console=ttyS0.* panic=-1 /);
    // commandOf() is of an emulated guest, which must not panic because the host is busy.
    t.match(values(command, '-append')[0], / tsc=reliable no_timer_check( |$)/);
    t.match(values(command, '-netdev'), [/restrict=on.*hostfwd=tcp:127\.0\.0\.1:0-:22$/]);
    t.ok(values(command, '-device').includes('virtio-rng-pci'));
    t.match(values(command, '-drive')[0], /file=\/i\/root\.erofs,format=raw,readonly=on/);
    t.match(values(command, '-serial'), ['chardev:console']);
    t.equal(
      values(command, '-device').filter((d) => d.startsWith('nvme-ns,')).length,
      layOut(profile).namespaces.length,
    );
  }
  t.end();
});

t.test('each profile has the devices and kernel arguments of its purpose', (t) => {
  t.match(devices('plain').join(' '), /nvme,id=nvme-data-0,serial=data,/);
  t.notMatch(devices('plain').join(' '), /subsys|iommu|root-port/);
  for (const name of ['iommu-strict', 'iommu-lazy', 'iommu-pt']) {
    t.ok(devices(name).includes('intel-iommu,intremap=on'));
    t.match(values(commandOf(builtIn(name)), '-machine'), [/^q35,kernel-irqchip=split,/]);
  }
  t.match(append('iommu-strict'), / intel_iommu=on iommu\.strict=1$/);
  t.match(append('iommu-lazy'), / intel_iommu=on iommu\.strict=0$/);
  t.match(append('iommu-pt'), / intel_iommu=on iommu=pt$/);
  t.ok(devices('virtio-iommu').includes('virtio-iommu-pci'));
  t.match(append('swiotlb'), / swiotlb=force$/);
  t.match(append('polled'), / nvme\.poll_queues=2$/);
  t.match(devices('zns').join(' '), /logical_block_size=4096.*zoned=on,zoned\.zone_size=16777216/);
  t.match(devices('pi').join(' '), /,ms=8,pi=1/);
  const icount = commandOf(builtIn('icount'), { accel: 'kvm' });
  t.same(values(icount, '-icount'), ['shift=0,sleep=off']);
  t.same(
    [values(icount, '-smp'), values(icount, '-accel')],
    [['1'], ['tcg,tb-size=256']],
    'TCG though KVM was requested',
  );
  t.end();
});

t.test('multipath has two controllers of one subsystem, each on its own port', (t) => {
  const list = devices('multipath');
  const port = (n: number) =>
    `pcie-root-port,id=port-nvme-mp-${n},bus=pcie.0,addr=0x1${n},chassis=${n + 1},slot=${n + 1}`;
  for (const n of [0, 1]) {
    t.ok(list.includes(port(n)), port(n));
    t.match(list.join(' '), `nvme,id=nvme-mp-${n},serial=mp,subsys=subsys-mp,bus=port-nvme-mp-${n},`);
  }
  t.ok(list.findIndex((d) => d.startsWith('nvme-subsys')) < list.findIndex((d) => d.startsWith('nvme,')));
  const [shared, pi] = layOut(builtIn('multipath')).namespaces;
  t.match(shared?.info, {
    role: 'shared',
    nsid: 1,
    controllerIds: ['mp@00:10.0', 'mp@00:11.0'],
    maxTransferBytes: 524288,
  });
  t.match(pi?.info, { role: 'shared-pi', nsid: 2, metadataBytes: 8, piType: 1, sizeBytes: 64 << 20 });
  t.equal(pi?.driveBytes, (64 << 20) + ((64 << 20) / 512) * 8, 'the drive has room for the metadata');
  t.end();
});

t.test('a request adds its arguments last, selects KVM, and has its commas escaped', (t) => {
  const more = {
    accel: 'kvm' as const,
    kernelArgs: ['debug', 'panic=0'],
    qemuArgs: ['-m', '2G'],
    name: 'a,b',
    dir: '/x,y',
  };
  const command = commandOf(builtIn('polled'), more);
  t.match(values(command, '-append')[0], /nvme\.poll_queues=2 debug panic=0$/);
  t.same(command.slice(-2), ['-m', '2G']);
  t.same([values(command, '-accel'), values(command, '-cpu')], [['kvm'], ['host']]);
  t.same(values(command, '-name'), ['a,,b']);
  t.match(values(command, '-drive')[2], 'file=/x,,y/drive-data-data.raw');
  t.equal(kernelArguments(request(builtIn('plain')), x86)[0], 'console=ttyS0');
  t.end();
});

t.test('an architecture decides program, machine, CPU, console and kernel arguments of a guest', (t) => {
  const other: Arch = {
    ...x86,
    qemu: {
      ...x86.qemu,
      ...{ system: 'qemu-system-other', machine: 'virt', machineOptions: { gic: '3' }, globals: [] },
      ...{ emulatedCpu: 'core', iommu: { device: 'smmu', fields: {}, machineOptions: { iommu: 'on' } } },
    },
    console: { device: 'ttyAMA0', kernelArgs: ['pl011.x=1'] },
    emulatedKernelArgs: ['clock=y'],
  };
  const command = commandOf(builtIn('iommu-pt'), {}, other);
  t.equal(command[0], 'qemu-system-other');
  t.same(values(command, '-global'), []);
  t.same(values(command, '-machine'), ['virt,iommu=on,gic=3']);
  t.same(values(command, '-cpu'), ['core']);
  t.ok(values(command, '-device').includes('smmu'));
  t.match(values(command, '-append')[0], /^console=ttyAMA0 .* pl011\.x=1 .* clock=y intel_iommu=on/);
  const icount = commandOf(builtIn('icount'), {}, other);
  t.same([values(icount, '-machine'), values(icount, '-cpu')], [['virt,gic=3'], ['core']]);
  t.throws(() => probeDisk({ ...x86, name: 'other' }, 'accel'), LabError);
  t.end();
});

t.test("a user's profile extends a built-in profile or an earlier one of its file", async (t) => {
  const file = join(
    t.testdir({
      'g.yaml': [
        'guests:',
        '  big: { extend: polled, vcpus: 8, memoryMiB: 4096, summary: more of it, facts: { extra: true } }',
        '  bigger: { extend: big, vcpus: 16, qemuArgs: [-overcommit, mem-lock=off] }',
        '  bare: { summary: nothing }',
      ].join('\n'),
    }),
    'g.yaml',
  );
  const all = await loadProfiles(file);
  t.match(all.get('bigger'), {
    name: 'bigger',
    vcpus: 16,
    memoryMiB: 4096,
    facts: { pollQueues: 2, extra: true },
  });
  t.same(all.get('bare')?.nvme, []);
  t.equal(all.get('plain'), profiles.plain);
  t.equal((await loadProfiles()).size, Object.keys(profiles).length);
});

t.test('a file of profiles throws one InputError with every problem and its place', async (t) => {
  const dir = t.testdir({
    'bad.yaml': `guests:
  a: { extend: nowhere }
  b: { extend: plain, vcpus: zero, colour: red }
  c: { extend: icount, vcpus: 2 }
  d: { extend: plain, facts: text }
  e:
    summary: two that differ
    nvme:
      - name: s
        controllers: [{ serial: x }, { serial: y }]
        namespaces: [{ role: r }, { role: r }, { role: z, zoned: { zoneSizeMiB: 100 } }]
  f:
    summary: private on a port
    nvme:
      - { name: s, controllers: [{ serial: x, hotplug: true }], namespaces: [{ role: r }] }
      - { name: t, controllers: [{ serial: x }], namespaces: [{ role: q }] }
`,
    'broken.yaml': 'guests: [',
    'odd.yaml': 'guest: {}',
  });
  const error = await loadProfiles(join(dir, 'bad.yaml')).catch((e) => e);
  t.type(error, InputError);
  for (const part of [
    /bad\.yaml:2:8: guest a: extend: there is no guest "nowhere"/,
    /bad\.yaml:3:23: guest b: vcpus: .*number/,
    /bad\.yaml:3:36: guest b: unknown field "colour"\n {2}expected: .*one of name, summary, iommu/,
    /bad\.yaml:4:24: guest c: vcpus: 2 with icount/,
    /bad\.yaml:5:23: guest d: facts/,
    /bad\.yaml:10:9: guest e: nvme\.0\.controllers: serials y and x/,
    /not all hotplug/,
    /two namespaces of one role/,
    /z: 256 MiB is not whole zones/,
    /guest f: nvme\.0\.namespaces: r is not shared/,
    /guest f: nvme\.1\.controllers: serial x is taken/,
  ])
    t.match(error.message, part);
  await t.rejects(loadProfiles(join(dir, 'broken.yaml')), { exitCode: 2, message: /broken\.yaml:1:/ });
  await t.rejects(loadProfiles(join(dir, 'odd.yaml')), {
    exitCode: 2,
    message:
      /odd\.yaml:1:1: guests: the field is missing[\s\S]*unknown field "guest"\n {2}expected: perhaps guests/,
  });
  await t.rejects(loadProfiles(join(dir, 'none.yaml')), { exitCode: 2, message: /cannot read/ });
});

t.test('a guest may extend any other of its file, and a circle is a problem', async (t) => {
  const dir = t.testdir({
    'good.yaml': `guests:
  third: { extend: second, vcpus: 3 }
  second: { extend: plain, memoryMiB: 777 }
  plain: { extend: plain, summary: mine }
`,
    'circle.yaml': `guests:
  a: { extend: b }
  b: { extend: c }
  c: { extend: a }
  itself: { extend: itself }
  typo: { extend: swoitlb }
`,
  });
  const all = await loadProfiles(join(dir, 'good.yaml'));
  t.match(all.get('third'), {
    name: 'third',
    summary: 'mine',
    vcpus: 3,
    memoryMiB: 777,
    nvme: [{ name: 'data' }],
  });
  const error = await loadProfiles(join(dir, 'circle.yaml')).catch((e) => e);
  t.same(
    error.problems.map(
      ({ where, what }: { where: string; what: string }) => `${where.split('/').at(-1)} ${what}`,
    ),
    [
      'circle.yaml:4:8 guest c: extend: guests extend one another in a circle: a -> b -> c -> a',
      'circle.yaml:5:13 guest itself: extend: guests extend one another in a circle: itself -> itself',
      'circle.yaml:6:11 guest typo: extend: there is no guest "swoitlb"',
    ],
  );
  t.match(error.message, /perhaps swiotlb; one of/);
});

const hasAssembler = process.arch === x86.node && spawnSync('as', ['--64', '--version']).status === 0;
const skip = hasAssembler ? false : 'no assembler for x86-64';
for (const probe of ['accel', 'clock'] as const) {
  t.test(
    `the disk of the x86-64 ${probe} probe is a boot sector that begins with its first instruction`,
    (t) => {
      const { disk, exitCode } = probeDisk(x86, probe);
      t.equal(disk.readUInt16LE(510), 0xaa55, 'signature of a boot sector');
      t.equal(disk[0], 0xfa, 'first byte: cli');
      t.equal(exitCode, 43);
      t.end();
    },
  );

  t.test(`the boot sector of the x86-64 ${probe} probe is its source, assembled`, { skip }, async (t) => {
    const [object, binary] = [join(t.testdir(), 'probe.o'), join(t.testdirName, 'probe.bin')];
    await run('as', ['--64', '-o', object, join(import.meta.dirname, `${probe}-probe.x86_64.S`)]);
    await run('ld', ['-m', 'elf_x86_64', '-Ttext', '0x7c00', '--oformat', 'binary', '-o', binary, object]);
    t.same(readFileSync(binary), probeDisk(x86, probe).disk.subarray(0, 512));
  });
}

t.test('ssh-keygen reads every generated key', async (t) => {
  const dir = t.testdir({});
  for (let count = 0; count < 8; count++) {
    const key = makeKey();
    const file = join(dir, `key${count}`);
    writeFileSync(file, key.private, { mode: 0o600 });
    const { stdout } = await run('ssh-keygen', ['-y', '-f', file]);
    t.equal(stdout.trim(), key.publicLine.trim());
    t.equal(key.dropbear.length, 83);
    t.match(knownHost(22, key.public), stdout.split(' ')[1]);
  }
});
