/** Templates and forks of a fake QEMU: a real process on real sockets (../fakes). */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError } from '../../core/errors.ts';
import { hostArch } from '../../model/arch.ts';
import type { EventBody } from '../../model/event.ts';
import type { Guest, GuestRequest } from '../../model/machine.ts';
import { profiles, startGuest, Templates, templatesLimit } from '../index.ts';
import { forkLayout, templateKey } from './template.ts';

const { system } = hostArch().qemu;
const bin = t.testdir();
symlinkSync(join(import.meta.dirname, '../fakes/qemu.mjs'), join(bin, system));
process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;

const profileOf = (name: string) => {
  const profile = profiles[name];
  if (!profile) throw new Error(`no profile ${name}`);
  return profile;
};

const request = (profile: string, fake: string, more: Partial<GuestRequest> = {}): GuestRequest => ({
  ...{ name: `k/${profile}`, profile: profileOf(profile), accel: 'tcg', dir: '/', bootTimeoutMs: 100_000 },
  kernel: { vmlinux: '/vmlinux', key: 'k' },
  image: { recipe: 'r', key: 'i', path: '/root.erofs' },
  kernelArgs: [`fake=${fake}`],
  ...more,
});

/** Guests that share templates, in a cache of their own. */
function lab(t: Test, options: { jobs?: number; limitMiB?: number } = {}) {
  process.env.RINGLAB_CACHE = join(t.testdir({ cache: {} }), 'cache');
  const events: EventBody[] = [];
  const abort = new AbortController();
  const ctx = { signal: abort.signal, emit: (event: EventBody) => void events.push(event) };
  const templates = new Templates({ jobs: 1, limitMiB: 1000, ...options }, ctx);
  t.teardown(() => templates[Symbol.asyncDispose]());
  let guests = 0;
  return {
    ...{ events, abort, templates },
    folder: join(process.env.RINGLAB_CACHE, 'templates'),
    stored: () =>
      readdirSync(join(process.env.RINGLAB_CACHE ?? '', 'templates')).filter((name) => !/\.lock/.test(name)),
    notes: () => events.flatMap((event) => (event.type === 'note' ? [event.note] : [])),
    async start(profile: string, fake = 'up', more: Partial<GuestRequest> = {}): Promise<Guest> {
      const dir = join(t.testdirName, `guest-${guests++}`);
      mkdirSync(dir, { recursive: true });
      const guest = await startGuest({ ...request(profile, fake, more), dir }, templates, ctx);
      t.teardown(() => guest[Symbol.asyncDispose]());
      return guest;
    },
    /** Announces a guest, and one more than runs beside it. */
    async expect(profile: string, fake = 'up', guests = 3) {
      await templates.expect(request(profile, fake), guests);
    },
    /** Waits until the templates that are being made are there or have failed. */
    settled: () => templates.settled(),
  };
}

const words = (guest: Guest) => guest.commandLine.join(' ');

t.test('the first guest boots while a template is made, the next is forked of it', async (t) => {
  const h = lab(t);
  await h.expect('multipath');
  const first = await h.start('multipath');
  t.same(first.start, { how: 'boot', reason: 'there was no template yet' });
  t.notMatch(words(first), /incoming|memory-backend/);
  await h.settled();
  t.equal(h.stored().length, 1);

  const [second, third] = [await h.start('multipath'), await h.start('multipath')];
  t.same(second.start, { how: 'fork' });
  t.match(words(second), /memory-backend-file,id=ram,size=512M,mem-path=\S+\/ram,share=off/);
  t.match(words(second), /-incoming defer/);
  t.notMatch(words(second), /-device nvme(-ns)?,/, 'devices are plugged in later');
  t.match(words(second), /-device nvme-subsys,id=subsys-mp/);
  t.same(second.devices, first.devices, 'the same namespaces as after a boot');
  t.same(second.facts, first.facts);
  const text = second.consoleText();
  t.match(
    text,
    /^\[ {4}0\.0\] Linux version fake\r\nringlab: template is ready\r\n/,
    'begins with the template',
  );
  t.match(text, /controller 1 of 2 is there.*controller 2 of 2 is there.*guest is up/s);
  const keys = [first, second, third].map(({ ssh }) => readFileSync(ssh.keyFile, 'utf8'));
  t.equal(new Set(keys).size, 3, 'each has keys of its own');
  t.same(await second.exec('exit 3'), { code: 3 });
  t.same(h.notes(), []);
});

t.test('guests that differ in their drives only have one template, others have their own', async (t) => {
  const keyOf = async (profile: string, more: Partial<GuestRequest> = {}) => {
    const asked = request(profile, 'up', more);
    const layout = forkLayout(asked);
    if ('reason' in layout) throw new Error(layout.reason);
    return templateKey(asked, layout);
  };
  const plain = await keyOf('plain');
  for (const same of ['plain-4k', 'small-mdts', 'multipath', 'zns', 'pi'])
    t.equal(await keyOf(same), plain, same);
  t.equal(await keyOf('plain', { dir: '/other', name: 'x' }), plain);
  t.equal(
    await keyOf('plain', { kernel: { key: 'k', vmlinux: '/moved/vmlinux' } }),
    plain,
    'kernels count by key',
  );
  const others = [
    ...['iommu-strict', 'virtio-iommu', 'swiotlb', 'polled', 'icount'].map((name) => keyOf(name)),
    keyOf('plain', { kernel: { key: 'l', vmlinux: '/vmlinux' } }),
    keyOf('plain', { image: { recipe: 'r', key: 'j', path: '/root.erofs' } }),
    keyOf('plain', { profile: { ...profileOf('plain'), memoryMiB: 1024 } }),
    keyOf('plain', { profile: { ...profileOf('plain'), vcpus: 4 } }),
    keyOf('plain', { clockArgs: ['tsc_early_khz=1'] }),
  ];
  t.equal(new Set([plain, ...(await Promise.all(others))]).size, others.length + 1);
});

t.test('a template loads what its forks run, and one without does for all others', async (t) => {
  const h = lab(t);
  const script = join(t.testdirName, 'agent.cjs');
  writeFileSync(script, 'agent');
  const preloadOf = (key: string) => ({
    preload: { key, script: '/run/agent.cjs', files: [{ from: script, to: '/run/agent.cjs' }] },
  });
  const expect = (key: string, guests: number) =>
    h.templates.expect(request('plain', 'up', preloadOf(key)), guests);
  await expect('a', 3);
  t.match((await h.start('plain', 'up', preloadOf('a'))).start, { how: 'boot' });
  await h.settled();
  t.equal(h.stored().length, 1);
  t.match(await h.start('plain', 'up', preloadOf('a')), {
    start: { how: 'fork', preloaded: true },
    preloaded: 'a',
  });

  // Three suites, one guest each: none is worth a template of its own.
  for (const key of ['b', 'c', 'd']) await expect(key, 1);
  t.match((await h.start('plain', 'up', preloadOf('b'))).start, { how: 'boot' });
  await h.settled();
  t.equal(h.stored().length, 2);
  const other = await h.start('plain', 'up', preloadOf('c'));
  t.same([other.start, other.preloaded], [{ how: 'fork' }, undefined]);

  // Many guests of one: the one without does while it is made.
  await expect('e', 3);
  t.same((await h.start('plain', 'up', preloadOf('e'))).start, { how: 'fork' });
  await h.settled();
  t.equal(h.stored().length, 3);
  t.same((await h.start('plain', 'up', preloadOf('e'))).start, { how: 'fork', preloaded: true });
});

t.test('no template is made for as many guests as run at the same time', async (t) => {
  const h = lab(t, { jobs: 2 });
  await h.expect('plain', 'up', 2);
  t.match(
    [(await h.start('plain')).start, (await h.start('plain')).start],
    [{ how: 'boot' }, { how: 'boot' }],
  );
  await h.settled();
  t.notOk(existsSync(h.folder));
  // A restart: there may be more.
  t.match((await h.start('plain')).start, { how: 'boot' });
  await h.settled();
  t.match((await h.start('plain')).start, { how: 'fork' });
});

t.test('a fork that fails is booted, and so are the guests after it', async (t) => {
  const reasons = {
    refused: /migrate-incoming of a template: a fake reason/,
    driveless: /drives are missing: 0 of 1/,
  };
  for (const [fake, expected] of Object.entries(reasons)) {
    const h = lab(t);
    await h.expect('plain', fake);
    await h.start('plain', fake);
    await h.settled();
    const guest = await h.start('plain', fake);
    t.match(guest.start, { how: 'boot', reason: expected }, fake);
    t.same(await guest.exec('exit 4'), { code: 4 }, 'it runs');
    t.match(h.notes(), [{ code: 'guest.fork-failed', subject: 'k/plain', reason: expected }]);
    const begun = h.events.filter(({ type }) => type === 'guest.start').length;
    t.match((await h.start('plain', fake)).start, { how: 'boot', reason: expected });
    t.equal(h.events.filter(({ type }) => type === 'guest.start').length, begun + 1, 'no second try');
  }
});

for (const [fake, when] of [
  ['templateless', 'QEMU ends with the panic'],
  ['closes-first', 'the sockets of QEMU close first'],
] as const)
  t.test(
    `where no template can be made the guests boot, and the reason is noted once: ${when}`,
    async (t) => {
      const h = lab(t);
      await h.expect('plain', fake);
      await h.start('plain', fake);
      await h.settled();
      const reason = /making its template failed: template: Kernel panic - not syncing: fake crash/;
      t.match((await h.start('plain', fake)).start, { how: 'boot', reason });
      t.match(h.notes(), [{ code: 'guest.fork-failed', reason }]);
      t.equal(h.notes().length, 1);
      t.same(h.stored(), [], 'nothing is left');
    },
  );

t.test('a template that is damaged is not used but made again', async (t) => {
  const h = lab(t);
  await h.expect('plain', 'up', 5);
  await h.start('plain');
  await h.settled();
  const [key = ''] = h.stored();
  const ram = join(h.folder, key, 'ram');
  const { size } = statSync(ram);
  truncateSync(ram, 0);
  truncateSync(ram, size);
  writeFileSync(ram, 'x', { flag: 'r+' });
  t.match((await h.start('plain')).start, { how: 'boot', reason: 'there was no template yet' });
  await h.settled();
  t.match(h.notes(), [
    { code: 'cache.damaged', subject: `templates/${key}`, damage: /ram is not as it was/ },
  ]);
  t.match((await h.start('plain')).start, { how: 'fork' });
});

t.test('templates that were not used for the longest time make room', async (t) => {
  const h = lab(t, { limitMiB: 0 });
  for (const profile of ['plain', 'swiotlb']) {
    await h.expect(profile);
    await h.start(profile);
    await h.settled();
    t.equal(h.stored().length, 1, `after that of ${profile}`);
  }
  const fork = await h.start('swiotlb');
  t.match(fork.start, { how: 'fork' }, 'the last one is kept');
});

t.test('the end of a run ends what is being made', async (t) => {
  const h = lab(t);
  await h.expect('plain', 'slow-template');
  await h.start('plain', 'slow-template');
  await h.templates[Symbol.asyncDispose]();
  t.same(h.notes(), []);
  t.same(h.stored(), []);
});

t.test('guests with QEMU arguments of their own boot', async (t) => {
  const h = lab(t);
  await h.templates.expect(request('plain', 'up', { qemuArgs: ['-device', 'x'] }), 3);
  const guest = await h.start('plain', 'up', { qemuArgs: ['-global', 'x'] });
  t.match(guest.start, { how: 'boot', reason: 'it has QEMU arguments of its own' });
});

t.test('the limit of all templates is a number of MiB', (t) => {
  t.teardown(() => delete process.env.RINGLAB_TEMPLATES_MIB);
  t.equal(templatesLimit(), 2048);
  process.env.RINGLAB_TEMPLATES_MIB = '512';
  t.equal(templatesLimit(), 512);
  process.env.RINGLAB_TEMPLATES_MIB = '1 GiB';
  t.throws(() => templatesLimit(), InputError);
  t.end();
});
