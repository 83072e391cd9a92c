import fc from 'fast-check';
import type { TestResult } from '../../model/result.ts';

/** A test of a generated tree: a leaf with its outcome, or a parent. */
export interface Node {
  name: string;
  outcome: Outcome;
  children: Node[];
}

/** Outcome of a leaf that every dialect can express. */
export type Outcome =
  | { verdict: 'pass' | 'fail'; reason?: undefined }
  | { verdict: 'skip' | 'todo'; reason: string };

/** Letters, blanks and what TAP gives a meaning: marks, numbers, braces, stamps, directives, other scripts. */
const PIECES = [
  ...['a', 'Z', ' ', '  ', '-', '0', '17', '.', '..', ':', '{', '}', '[', ']', '(', '"', "'", '>', '='],
  ...['ok', 'not ok', 'TAP version 14', '1..3', '---', '...', 'Bail out!', 'Subtest: x', 'selftests: x'],
  ...['skip', 'TODO', 'ERROR', 'TIMEOUT', '[    1.500000]', '<6>', 'é', '日本', '🙂', '\u2028'],
];
/** What TAP escapes; KTAP's names cannot have the first. */
const ESCAPED = ['#', ' # ', '\\', ' # skip ', '\\#'];

const text = (pieces: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('').replaceAll('\u2028', 'x\u2028x').trim())
    // A brace at the end of a name begins a subtest of Test2 and node-tap.
    .filter((name) => name !== '' && !name.endsWith('{'));

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constantFrom<Outcome>({ verdict: 'pass' }, { verdict: 'fail' }),
  fc
    .tuple(fc.constantFrom<'skip' | 'todo'>('skip', 'todo'), fc.constantFrom('no device', 'later: 3 of 4'))
    .map(([verdict, reason]) => ({ verdict, reason })),
);

/** Children of one parent have different names, so that no result is renamed. */
const siblings = (nodes: fc.Arbitrary<Node>, maxLength: number) =>
  fc.uniqueArray(nodes, { minLength: 1, maxLength, selector: ({ name }) => name.replace(/\s/g, ' ') });

/** Trees of tests, `levels` deep at most, whose names have what TAP escapes where `escapes` allows it. */
export function trees({ escapes, levels }: { escapes: boolean; levels: number }): fc.Arbitrary<Node[]> {
  const name = text(escapes ? [...PIECES, ...ESCAPED] : PIECES);
  const leaf = fc.record({ name, outcome, children: fc.constant<Node[]>([]) });
  let node: fc.Arbitrary<Node> = leaf;
  for (let level = 1; level < levels; level++) {
    const children = siblings(node, 3);
    const parent = fc.record({ name, outcome: fc.constant<Outcome>({ verdict: 'pass' }), children });
    node = fc.oneof(leaf, parent);
  }
  return siblings(node, 4);
}

/** The results that a tree stands for, in order. */
export function resultsOf(nodes: readonly Node[], path = ''): TestResult[] {
  return nodes.flatMap(({ name, outcome: { verdict, reason }, children }) => {
    const full = path + name.replace(/[^\S ]/g, ' ');
    if (children.length > 0) return resultsOf(children, `${full} > `);
    return [{ name: full, verdict, ...(reason === undefined ? {} : { reason }) }];
  });
}

/** Whether a tree has a failure, which its parent's result repeats. */
export const anyFailure = ({ outcome: { verdict }, children }: Node): boolean =>
  verdict === 'fail' || children.some(anyFailure);
