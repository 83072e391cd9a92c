import t from 'tap';
import { Parser } from 'tap-parser';
import { NOT_SELECTED } from '../../lab/model/protocol.ts';
import { isSelected, shareOf, whyNone } from './selection.ts';
import { TapWriter } from './tap.ts';

const names = ['a read of 4k completes', 'a write of 4k completes', 'a flush # of everything'];

t.test('a test is selected by parts of its name and by its exact name', (t) => {
  const select = (only: string[], tests?: string[]) =>
    names.filter((name) => isSelected(name, { only, tests }));
  t.equal(select([]).length, 3);
  t.same(select(['4k']), names.slice(0, 2));
  t.same(select(['read', 'flush']), [names[0], names[2]]);
  t.same(select([], [names[1] ?? '']), [names[1]]);
  t.same(select(['read'], [names[1] ?? '']), []);
  t.ok(isSelected('a name\n of two lines', { only: [], tests: ['a name of two lines'] }));
  t.end();
});

t.test('what fits no test is named, with the names that come closest', (t) => {
  t.equal(
    whyNone(names, { only: ['wirte of 4k'] }),
    `${NOT_SELECTED}"wirte of 4k"; perhaps "a write of 4k completes"`,
  );
  t.equal(
    whyNone(names, { only: ['READ OF'] }),
    `${NOT_SELECTED}"READ OF"; perhaps "a read of 4k completes"`,
  );
  t.equal(whyNone(names, { only: ['zzz', 'x'] }), `${NOT_SELECTED}"zzz" or "x"; the suite has 3`);
  t.equal(whyNone([], { only: [] }), 'the suite has no test');
  t.end();
});

t.test('a suite of which nothing is selected is a plan of no tests with that reason', (t) => {
  let text = '';
  const tap = new TapWriter((part) => {
    text += part;
  });
  const reason = whyNone(names, { only: ['flush # of evrything'] });
  tap.end(reason);
  const { results } = new Parser().end(text);
  t.match(results, { ok: true, count: 0, plan: { start: 1, end: 0 } });
  t.equal(results?.plan.comment.replaceAll('\\#', '#'), `SKIP ${reason}`);
  t.end();
});

t.test('guests that share a suite take each n-th of the selected tests', (t) => {
  const tests = ['a', 'b', 'c', 'd', 'e'];
  t.same(shareOf(tests, {}), tests);
  t.same(shareOf(tests, { shard: { at: 1, of: 2 } }), ['a', 'c', 'e']);
  t.same(shareOf(tests, { shard: { at: 2, of: 2 } }), ['b', 'd']);
  t.end();
});
