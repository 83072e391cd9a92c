/** Generated trees of tests, printed in each form that a dialect allows, are read back as they were. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { TapStream } from './index.ts';
import { type Pick, STYLES } from './testing/styles.ts';
import { resultsOf, trees } from './testing/tree.ts';

/** Trees for each style. */
const RUNS = 100;

function read(lines: readonly string[]) {
  const stream = new TapStream();
  stream.write(Buffer.from(`${lines.join('\n')}\n`));
  // YAML and comments are evidence of their test and no part of its outcome.
  return stream.end({ code: 0 }).map(({ name, verdict, reason }) => ({ name, verdict, reason }));
}

for (const [dialect, { prefix = '', print, ...shape }] of Object.entries(STYLES)) {
  t.test(`a tree of tests printed as ${dialect} in any of its forms is read back equal`, async (t) => {
    const picks = fc.infiniteStream(fc.nat());
    const property = fc.property(trees(shape), picks, (tree, stream) => {
      const nodes = tree.map((node) => ({ ...node, name: prefix + node.name }));
      const pick: Pick = (...forms) => forms[(stream.next().value ?? 0) % forms.length] as never;
      const lines = print(nodes, pick);
      const expected = resultsOf(nodes).map(({ name, verdict, reason }) => ({ name, verdict, reason }));
      assert.deepEqual(read(lines), expected, `of:\n${lines.join('\n')}`);
    });
    const { failed, seed, errorInstance } = fc.check(property, { numRuns: RUNS });
    t.notOk(failed, `seed ${seed}: ${errorInstance instanceof Error ? errorInstance.message : ''}`);
  });
}
