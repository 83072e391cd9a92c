import t from 'tap';
import { GuestProfile } from '../model/guest.ts';
import { SuiteInfo } from '../model/suite.ts';
import { loadSuites } from '../suite/discover.ts';
import { cellsOf, makePlan, type PlanRequest } from './plan.ts';

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
  makePlan(request(over), profiles, suites).pairs.map((pair) => `${pair.guest.name}/${pair.suite.name}`);

t.test('without wishes every suite runs on the guests it is written for', (t) => {
  t.same(pairs({}), ['plain/passthrough', 'swiotlb/passthrough', 'multipath/multipath']);
  t.end();
});

t.test('a series says what it wants, the user has the last word', (t) => {
  const wishes = { suites: ['multipath', 'passthrough'], guests: ['plain', 'multipath'] };
  t.same(pairs({ wishes }), ['multipath/multipath', 'plain/passthrough']);
  t.same(pairs({ wishes, guests: ['swiotlb'] }), ['swiotlb/passthrough']);
  t.same(pairs({ wishes, suites: ['passthrough'] }), ['plain/passthrough']);
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
  t.match(first?.guest, { vcpus: 4, memoryMiB: 2048, nvme: [{ namespaces: [{ sizeMiB: 32 }] }] });
  t.equal(first?.suite.timeoutSeconds, 1200);
  t.equal(plan.bootTimeoutMs, 240_000);
  t.equal(makePlan(request({ memoryMiB: 512 }), profiles, suites).pairs[0]?.guest.memoryMiB, 512);
  t.end();
});

t.test('base and patched of a pair stand next to each other', (t) => {
  const plan = makePlan(request({ suites: ['passthrough'] }), profiles, suites);
  const cells = cellsOf(plan, [
    { name: 'k', side: 'base' },
    { name: 'k+s', side: 'patched' },
  ]);
  t.same(
    cells.map((cell) => cell.name),
    ['k/plain/passthrough', 'k+s/plain/passthrough', 'k/swiotlb/passthrough', 'k+s/swiotlb/passthrough'],
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
      request({ suites: ['bench'], guests: ['plain'], boots: 2, measuring: { clock: 'instructions' } }),
      profiles,
      known,
    );
    t.match(plan.pairs, [{ guest: { icount: true, vcpus: 1, drives: 'null' }, suite: { name: 'bench' } }]);
    const timed = makePlan(
      request({ suites: ['bench'], guests: ['plain'], measuring: { clock: 'time', turns: 7 } }),
      profiles,
      known,
    );
    t.match(timed.pairs, [{ guest: { icount: false, vcpus: 2, facts: { clock: 'time', turns: 7 } } }]);
    const names = cellsOf(plan, [
      { name: 'k', side: 'base' },
      { name: 'k+s', side: 'patched' },
    ]).map(({ name }) => name);
    t.same(names, ['k/plain/bench', 'k+s/plain/bench', 'k/plain/bench#2', 'k+s/plain/bench#2']);
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
