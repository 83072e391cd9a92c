import fc from 'fast-check';
import t from 'tap';
import { AssertionError } from './assert.ts';
import { holds } from './property.ts';
import type { Test } from './test.ts';
import { SkipError } from './uapi.ts';

/** What `holds` uses of a test. */
const fake = { lab: { cell: { seed: 1 } }, note: () => {} } as unknown as Test;

t.test('the smallest case that fails is told, with what it takes to see it again', async (t) => {
  const act = async (number: number) => {
    if (number > 6) throw new AssertionError('too large', 6, number);
  };
  const failed = holds(fake, fc.nat(1000), act, { runs: 100 });
  await t.rejects(failed, { message: /^too large; seed 1, path \S+, shrunk \d+ times: 7$/ });
});

t.test('what the kernel lacks skips: no case is the smallest of that', async (t) => {
  const act = async () => {
    throw new SkipError('the kernel has no such thing');
  };
  const skipped = holds(fake, fc.nat(1000), act, { runs: 100 });
  await t.rejects(skipped, new SkipError('the kernel has no such thing'));
});
