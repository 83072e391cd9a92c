/** When a guest is not to be trusted any more, and which results that costs. */
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { TestResult } from '../model/result.ts';
import type { AttributedComplaint } from './attribute.ts';
import { type Damage, DamageWatch, withoutDamaged } from './damage.ts';

const specOf = (kind: CellSpec['payload']['kind'] = 'agent', more: object = {}) =>
  ({ payload: { kind, key: '' }, suite: { sequence: false, ...more }, known: [] }) as unknown as CellSpec;
const pass = (name: string): TestResult => ({ name, verdict: 'pass' });
const timeout = (name: string): TestResult => ({ name, verdict: 'timeout' });

/** Lines of a kernel that finds a bug in the test that runs. */
const KASAN = [
  'BUG: KASAN: slab-use-after-free in io_submit+0x1/0x2',
  'Read of size 8 at addr ffff888 by task node/7',
  'Call Trace:',
  ' <TASK>',
  ' io_submit+0x1/0x2',
  ' </TASK>',
];
const rule = '='.repeat(66);

/** A console that tests write to, and what a watch finds in it. */
function fixture(spec = specOf()) {
  let write = (_line: string) => {};
  const guest = {
    watchConsole(watcher: (line: string) => void) {
      write = watcher;
      return () => {
        write = () => {};
      };
    },
  };
  const watch = new DamageWatch(guest, spec);
  let found: Damage | undefined;
  void watch.found.then((damage) => {
    found = damage;
  });
  const say = (...lines: string[]) => {
    for (const line of lines) write(line);
  };
  return {
    watch,
    say,
    bug: () => say(rule, ...KASAN, rule),
    async found() {
      await new Promise(setImmediate);
      return found;
    },
  };
}

t.test('a fatal complaint ends the guest after the result of its test', async (t) => {
  const { watch, say, bug, found } = fixture();
  say('ringlab: begin "a"', 'ringlab: end "a"', 'ringlab: begin "b"');
  watch.report(pass('a'));
  bug();
  t.equal(await found(), undefined, 'damage before the result of b');
  watch.report(pass('b'));
  t.match(await found(), { kind: 'complaint', test: 'b', title: /KASAN/ });
});

t.test('a program with subtests is over with its own result line', async (t) => {
  const { watch, say, bug, found } = fixture(specOf('programs'));
  say('ringlab: begin "b"');
  bug();
  watch.report(pass('b > one'));
  watch.point('b > two');
  watch.report(pass('b > two'));
  t.equal(await found(), undefined, 'damage before the last subtest');
  watch.point('b');
  t.match(await found(), { test: 'b' });
});

t.test('a complaint that is read after the result of its test ends the guest at once', async (t) => {
  const { watch, say, bug, found } = fixture();
  say('ringlab: begin "b"');
  watch.report(pass('b'));
  bug();
  t.match(await found(), { test: 'b' });
});

t.test('a report without an end counts when its test ends', async (t) => {
  const { watch, say, found } = fixture();
  say('ringlab: begin "b"', rule, ...KASAN, 'ringlab: end "b"');
  watch.report(pass('b'));
  t.match(await found(), { test: 'b' });
});

t.test('a test that ended at its deadline damages an agent, not a folder of programs', async (t) => {
  const agent = fixture();
  agent.watch.report(timeout('a'));
  t.match(await agent.found(), { kind: 'deadline', test: 'a' });
  const programs = fixture(specOf('programs'));
  programs.watch.report(timeout('a'));
  t.equal(await programs.found(), undefined);
});

t.test('what is known, or cannot go on elsewhere, ends no guest', async (t) => {
  const known = [{ title: 'KASAN: slab', functions: ['io_submit'], reason: 'known' }];
  for (const spec of [{ ...specOf(), known }, specOf('agent', { sequence: true }), specOf('program')]) {
    const { watch, say, bug, found } = fixture(spec);
    say('ringlab: begin "b"');
    bug();
    watch.report(pass('b'));
    if (spec.known.length === 0) watch.report(timeout('c'));
    t.equal(await found(), undefined);
  }
});

const complaint = (test?: string): AttributedComplaint =>
  ({ title: 'KASAN', fatal: true, ...(test === undefined ? {} : { test }) }) as AttributedComplaint;
const judged = (...tests: TestResult[]) => ({
  tests,
  notBegun: ['e'],
  announced: ['a', 'b', 'c', 'd', 'e'],
});

t.test('results after the damage are not begun, whatever they were', (t) => {
  const all = judged(pass('a'), pass('b > x'), pass('b > y'), timeout('c'), pass('d'));
  t.match(withoutDamaged(all, [complaint('b')], specOf()), {
    tests: [
      { name: 'a' },
      { name: 'b > x' },
      { name: 'b > y' },
      {
        name: 'c',
        verdict: 'lost',
        reason: 'no result arrived: the kernel is not to be trusted after KASAN',
      },
      { name: 'd', verdict: 'lost' },
      { name: 'e', verdict: 'lost' },
    ],
    notBegun: ['c', 'd', 'e'],
  });
  t.match(withoutDamaged(all, [], specOf()), {
    tests: [{}, {}, {}, timeout('c'), { name: 'd', verdict: 'lost', reason: /c did not end/ }, { name: 'e' }],
    notBegun: ['d', 'e'],
  });
  t.end();
});

t.test('results stay without damage, outside of tests, and where tests depend on others', (t) => {
  const all = judged(pass('a'), pass('b'), timeout('c'), pass('d'));
  const sound = judged(pass('a'), pass('b'));
  t.equal(withoutDamaged(sound, [complaint()], specOf()), sound, 'a complaint between tests');
  t.equal(withoutDamaged(sound, [{ ...complaint('a'), fatal: false }], specOf()), sound, 'a known complaint');
  t.equal(withoutDamaged(all, [], specOf('programs')), all, 'a program that was killed at its deadline');
  t.equal(withoutDamaged(all, [complaint('a')], specOf('agent', { sequence: true })), all, 'a sequence');
  t.end();
});
