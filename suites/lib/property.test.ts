import fc from 'fast-check';
import t from 'tap';
import { AssertionError } from './assert.ts';
import { holds } from './property.ts';
import type { Test } from './test.ts';
import { SkipError } from './uapi.ts';

/** The parts of a test that `holds` uses. */
const fake = { lab: { cell: { seed: 1 } }, note: () => {} } as unknown as Test;

t.test(
  'a property that fails reports its quantity, the smallest case, and how to run it again',
  async (t) => {
    const act = async (number: number) => {
      if (number > 6) throw new AssertionError('number', '6 or less', number);
    };
    const failed = holds(fake, fc.nat(1000), act, { runs: 100 });
    await t.rejects(failed, {
      name: 'AssertionError',
      message: /^number in case 7 \(seed 1, path [\d:]+, shrunk \d+ times\): expected 6 or less, got 7$/,
      expected: '6 or less',
      got: '7',
    });
  },
);

t.test('a property whose case throws another error reports that error with the smallest case', async (t) => {
  const act = async ({ depth }: { depth: number }) => {
    if (depth > 6) throw new RangeError('the submission queue is full');
  };
  const failed = holds(fake, fc.record({ depth: fc.nat(1000) }), act, { runs: 100 });
  await t.rejects(failed, {
    name: 'AssertionError',
    message:
      /^outcome in case \{"depth":7\} \(seed 1, path [\d:]+, shrunk \d+ times\): expected no error, got RangeError: the submission queue is full$/,
  });
});

t.test(
  'a case that the kernel cannot run skips the test instead of being reported as the smallest',
  async (t) => {
    const act = async () => {
      throw new SkipError('the kernel has no such thing');
    };
    const skipped = holds(fake, fc.nat(1000), act, { runs: 100 });
    await t.rejects(skipped, new SkipError('the kernel has no such thing'));
  },
);
