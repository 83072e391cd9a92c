import t from 'tap';
import { AssertionError } from './assert.ts';
import { Choices } from './choice.ts';

const ERRORS = { 'later revisions': '-ECANCELED', RFC: '-EIO' };
const QUANTITY = 'result of a member whose leader fails';

t.test('each documented behaviour passes, once the same one everywhere', (t) => {
  const choices = new Choices();
  const check = (got: string, test: string) => choices.check(QUANTITY, got, ERRORS, { test, own: false });
  t.equal(check('-EIO', 'a'), 'RFC (-EIO)');
  t.equal(check('-EIO', 'b'), 'RFC (-EIO)');
  t.throws(() => check('-ECANCELED', 'c'), {
    message: `${QUANTITY}: expected RFC (-EIO) as in "a", got later revisions (-ECANCELED)`,
  });
  t.equal(check('-EIO', 'd'), 'RFC (-EIO)', 'after a difference');
  t.throws(() => check('-EINVAL', 'e'), {
    message: `${QUANTITY}: expected later revisions (-ECANCELED) or RFC (-EIO), got -EINVAL`,
  });
  const other = choices.check('another quantity', '-ECANCELED', ERRORS, { test: 'f', own: false });
  t.equal(other, 'later revisions (-ECANCELED)', 'quantities are apart');
  t.end();
});

t.test('of the series of this project only the first behaviour passes', (t) => {
  const choices = new Choices();
  const check = (got: string) => choices.check(QUANTITY, got, ERRORS, { test: 'a', own: true });
  t.throws(() => check('-EIO'), AssertionError);
  t.equal(check('-ECANCELED'), 'later revisions (-ECANCELED)');
  t.end();
});

t.test('values are compared deeply', (t) => {
  const choices = new Choices();
  const alternatives = { one: ['1:0', '2:-EIO'], two: ['1:0'] };
  const options = { test: 'a', own: false };
  t.match(choices.check('completions', ['1:0'], alternatives, options), /^two \(/);
  t.end();
});
