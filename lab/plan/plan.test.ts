import t from 'tap';
import { CellSpec, keyOfCell } from '../model/cell.ts';
import { GuestProfile } from '../model/guest.ts';
import { SuiteInfo } from '../model/suite.ts';
import { loadSuites } from '../suite/discover.ts';
import { type Artefacts, cellSpecs } from './cells.ts';
import { readCellSpec } from './file.ts';
import { makePlan } from './plan.ts';
import type { PlanRequest } from './request.ts';

const guest = (name: string) =>
  GuestProfile.parse({
    name,
    summary: name,
    nvme: [{ name: 'main', controllers: [{ serial: 's' }], namespaces: [{ role: 'data', sizeMiB: 64 }] }],
  });
const profiles = new Map(['plain', 'swiotlb', 'multipath', 'mine'].map((name) => [name, guest(name)]));
const suite = (name: string, guests: string[]) => ({
  ...SuiteInfo.parse({ name, summary: name, guests }),
  dir: `/suites/${name}`,
});
const suites = new Map([
  ['passthrough', suite('passthrough', ['plain', 'swiotlb'])],
  ['multipath', suite('multipath', ['multipath'])],
]);

const request = (over: Partial<PlanRequest> = {}): PlanRequest => ({
  sources: [{ kernel: 'debian-6.12' }],
  guests: [],
  suites: [],
  config: { start: 'tinyconfig', fragments: ['guest'], debug: false },
  withBase: true,
  jobs: 1,
  only: [],
  kernelArgs: [],
  qemuArgs: [],
  ...over,
});
const pairs = (over: Partial<PlanRequest>) =>
  makePlan(request(over), profiles, suites).pairs.map((pair) => `${pair.profile.name}/${pair.suite.name}`);

t.test('without a series every suite runs on the guests that it names', (t) => {
  t.same(pairs({}), ['plain/passthrough', 'swiotlb/passthrough', 'multipath/multipath']);
  t.end();
});

t.test('options overrule the suites and guests that a series names', (t) => {
  const seriesDefaults = { suites: ['multipath', 'passthrough'], guests: ['plain', 'multipath'] };
  t.same(pairs({ seriesDefaults }), ['multipath/multipath', 'plain/passthrough']);
  t.same(pairs({ seriesDefaults, guests: ['swiotlb'] }), ['swiotlb/passthrough']);
  t.same(pairs({ seriesDefaults, suites: ['passthrough'] }), ['plain/passthrough']);
  t.end();
});

t.test("a user's own guest runs whatever suites are chosen", (t) => {
  t.same(pairs({ guests: ['mine'] }), ['mine/passthrough', 'mine/multipath']);
  t.end();
});

t.test('every unknown name is told at once, with what there is', (t) => {
  t.throws(() => pairs({ suites: ['nope', 'neither'] }), {
    exitCode: 2,
    message: /nope[\s\S]*passthrough, multipath[\s\S]*neither/,
  });
  t.throws(() => pairs({ guests: ['moon'] }), { exitCode: 2, message: /--guest: unknown name "moon"/ });
  t.throws(() => pairs({ guests: ['plain'], suites: ['multipath'] }), { message: /multipath on multipath/ });
  t.end();
});

t.test('sizes and a debug kernel change guest and deadlines', (t) => {
  const config = { start: 'tinyconfig', fragments: [], debug: true };
  const plan = makePlan(request({ vcpus: 4, diskMiB: 32, config }), profiles, suites);
  const [first] = plan.pairs;
  t.match(first?.profile, { vcpus: 4, memoryMiB: 2048, nvme: [{ namespaces: [{ sizeMiB: 32 }] }] });
  t.equal(first?.suite.timeoutSeconds, 1200);
  t.equal(plan.bootTimeoutMs, 240_000);
  t.equal(makePlan(request({ memoryMiB: 512 }), profiles, suites).pairs[0]?.profile.memoryMiB, 512);
  const memoryOf = (memoryMiB: number, over: Partial<PlanRequest> = {}) => {
    const large = new Map([['large', { ...suite('large', ['plain']), memoryMiB }]]);
    return makePlan(request(over), profiles, large).pairs[0]?.profile.memoryMiB;
  };
  t.equal(memoryOf(1024), 1024, 'what a suite needs');
  t.equal(memoryOf(256), 512, 'no less than the profile has');
  t.equal(memoryOf(1024, { memoryMiB: 600 }), 600, 'the user decides');
  t.equal(memoryOf(1024, { config }), 4096, 'with a debug kernel');
  t.end();
});

const artefacts: Artefacts = {
  imageOf: ({ packages = [] }) => ({ recipe: 'minimal', key: (packages.length > 0 ? 'e' : 'a').repeat(32) }),
  accel: 'tcg',
  payloads: new Map(['passthrough', 'bench'].map((name) => [name, { kind: 'agent', key: 'b'.repeat(32) }])),
};
const kernels = [
  { id: 'k', side: 'base' as const, key: 'c'.repeat(64) },
  { id: 'k+s', side: 'patched' as const, key: 'd'.repeat(64) },
];
const namesOf = (specs: readonly CellSpec[]) =>
  specs.map(({ kernel, profile, suite, repeat }) => `${kernel.id}/${profile.name}/${suite.name}#${repeat}`);

t.test('the cells of a pair on base and patched kernel stand next to each other', (t) => {
  const plan = makePlan(request({ suites: ['passthrough'] }), profiles, suites);
  t.same(namesOf(cellSpecs(plan, kernels, artefacts)), [
    'k/plain/passthrough#1',
    'k+s/plain/passthrough#1',
    'k/swiotlb/passthrough#1',
    'k+s/swiotlb/passthrough#1',
  ]);
  t.end();
});

t.test('a kernel with a series of this project is known in the spec of its cells', (t) => {
  const plan = makePlan(request({ suites: ['passthrough'] }), profiles, suites);
  const [base, patched] = cellSpecs(
    plan,
    kernels.map((kernel) => (kernel.side === 'patched' ? { ...kernel, ownSeries: true as const } : kernel)),
    artefacts,
  );
  t.equal(base?.ownSeries, undefined);
  t.equal(patched?.ownSeries, true);
  t.end();
});

t.test('the guests of a suite boot the image with its packages, and other cells keep their keys', (t) => {
  const plan = makePlan(request({ suites: ['passthrough'], seed: 7 }), profiles, suites);
  const [pair] = plan.pairs;
  const [plain] = cellSpecs(plan, kernels, artefacts);
  if (!pair || !plain) throw new Error('no cell');
  const pairs = [{ ...pair, suite: { ...pair.suite, packages: ['bash'] } }];
  const [spec] = cellSpecs({ ...plan, pairs }, kernels, artefacts);
  t.match(spec, { image: { recipe: 'minimal', key: 'e'.repeat(32) }, suite: { packages: ['bash'] } });
  t.equal(plain.image.key, 'a'.repeat(32), 'image without packages');
  t.notOk('packages' in plain.suite, 'field of a suite without packages');
  t.end();
});

t.test('a cell spec is complete as data, and its key is that of what it does', async (t) => {
  const plan = makePlan(request({ suites: ['passthrough'], seed: 7 }), profiles, suites);
  const [spec] = cellSpecs(plan, kernels, artefacts);
  if (!spec) throw new Error('no cell');
  t.same(CellSpec.parse(JSON.parse(JSON.stringify(spec))), spec, 'nothing is lost as JSON');
  t.notMatch(JSON.stringify(spec), '/suites/', 'where the suite lies is no part of it');
  const key = keyOfCell(spec);
  t.match(key, /^[0-9a-f]{32}$/);
  t.equal(keyOfCell({ ...spec, side: 'patched', kernel: { ...spec.kernel, id: 'renamed' } }), key);
  t.equal(keyOfCell(JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(spec).reverse())))), key);
  for (const other of [{ seed: 8 }, { only: ['x'] }, { attempt: 2 }, { repeat: 2 }, { tests: ['a'] }])
    t.not(keyOfCell({ ...spec, ...other }), key, JSON.stringify(other));
  const dir = t.testdir({ 'cell.json': JSON.stringify(spec), 'bad.json': '{"format": 1, "seed": -1}' });
  t.same(await readCellSpec(`${dir}/cell.json`), spec);
  await t.rejects(readCellSpec(`${dir}/bad.json`), { exitCode: 2, message: /seed[\s\S]*/ });
  await t.rejects(readCellSpec(`${dir}/none.json`), { exitCode: 2, message: /cannot read the cell spec/ });
});

t.test('more kernels than one comparison shows are refused', (t) => {
  const sources = (count: number) => Array.from({ length: count }, (_, index) => ({ kernel: `k${index}` }));
  t.throws(() => pairs({ sources: sources(6) }), { exitCode: 2, message: /6 kernels are named/ });
  t.equal(pairs({ sources: sources(5) }).length, 3);
  t.equal(pairs({ sources: sources(6), series: 's' }).length, 3, 'each has a base and one patched kernel');
  t.same(
    pairs({ suites: ['multipath', 'multipath'] }),
    ['multipath/multipath'],
    'a suite named twice runs once',
  );
  t.end();
});

t.test(
  'figures: several boots, a clock that counts instructions, and a suite that runs when it is asked for',
  (t) => {
    const bench = { ...SuiteInfo.parse({ name: 'bench', onRequest: true }), dir: '/s/bench' };
    const known = new Map([...suites, ['bench', bench]]);
    const all = makePlan(request({}), profiles, known);
    t.notOk(
      all.pairs.some(({ suite }) => suite.name === 'bench'),
      'no part of "all suites"',
    );
    const plan = makePlan(
      request({ suites: ['bench'], guests: ['plain'], repeats: 2, bench: { clock: 'instructions' } }),
      profiles,
      known,
    );
    t.match(plan.pairs, [{ profile: { icount: true, vcpus: 1, drives: 'null' }, suite: { name: 'bench' } }]);
    const timed = makePlan(
      request({ suites: ['bench'], guests: ['plain'], bench: { clock: 'time', turns: 7 } }),
      profiles,
      known,
    );
    t.match(timed.pairs, [{ profile: { icount: false, vcpus: 2, facts: { clock: 'time', turns: 7 } } }]);
    t.same(namesOf(cellSpecs(plan, kernels, artefacts)), [
      'k/plain/bench#1',
      'k+s/plain/bench#1',
      'k/plain/bench#2',
      'k+s/plain/bench#2',
    ]);
    t.end();
  },
);

t.test('suites are read from their folders', async (t) => {
  const dir = t.testdir({
    alpha: { 'suite.yaml': 'name: alpha\nsummary: a\nguests: [plain]\n' },
    lib: { 'x.ts': '' },
  });
  const found = await loadSuites(dir);
  t.match(found.get('alpha'), { timeoutSeconds: 300, testTimeoutSeconds: 30 });
  t.equal(found.size, 1);
  const wrong = t.testdir({ beta: { 'suite.yaml': 'name: gamma\nsummary: a\nguests: [plain]\n' } });
  await t.rejects(loadSuites(wrong), /the name of its folder, beta/);
  const typo = t.testdir({ beta: { 'suite.yaml': 'name: beta\nsumary: a\nguests: []\n' } });
  await t.rejects(loadSuites(typo), /suite.yaml:\d+:\d+: [\s\S]*guests/);
});
