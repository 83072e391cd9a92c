/** Guests that die, hang, are damaged or run into a deadline: each other test has its verdict from a fresh guest. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

const dir = t.testdir();

/** What the tests of the suite do; the others pass. */
const BODIES: Record<number, string> = {
  3: "writeFileSync('/proc/sysrq-trigger', 'c');",
  10: "await throttled(t, t.device('data'), 1);\n    readSync(openSync(t.device('data').block, 'r'), Buffer.alloc(64 << 20));",
  14: 'await new Promise((resolve) => setTimeout(resolve, 600_000));',
  // The lab cannot tell such a report from the kernel's.
  20: `const report = ['BUG: kernel NULL pointer dereference, address: 0000000000000008', 'Oops: 0000 [#1] PREEMPT SMP', '---[ end trace 0000000000000000 ]---'];
    for (const line of report) writeFileSync('/dev/kmsg', line);`,
};

function makeSuite(name: string, more = ''): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  const head = `name: ${name}\nguests: [plain]\ntimeoutSeconds: 900\ntestTimeoutSeconds: 4\n${more}`;
  writeFileSync(join(folder, 'suite.yaml'), head);
  const tests = Array.from({ length: 24 }, (_, index) => {
    const body = BODIES[index + 1] ?? "t.equal(1, 1, 'one');";
    return `  test('test ${index + 1}', async (t) => {\n    ${body}\n  });`;
  });
  writeFileSync(
    join(folder, 'index.ts'),
    `import { openSync, readSync, writeFileSync } from 'node:fs';
import { suite, test, throttled } from 'ringlab/suite';
suite('${name}', { devices: ['data'] }, () => {
${tests.join('\n')}
});
`,
  );
  return folder;
}

async function cellOf(suite: string, name: string, ...more: string[]) {
  const guest = more.includes('--guest') ? [] : ['--guest', 'plain'];
  const args = ['run', ...guest, '--suite', suite, '--out', join(dir, name), '--json', ...more];
  const { code, stdout, stderr } = await ringlab(args);
  t.equal(code, 1, stderr.slice(-2000));
  const [cell] = (JSON.parse(stdout) as RunRecord).cells;
  if (!cell) throw new Error('the run has no cell');
  return cell;
}

t.test('every test but those at fault has its real verdict', async (t) => {
  const cell = await cellOf(makeSuite('faults'), 'faults-run');
  t.same(
    Object.fromEntries(
      cell.tests.filter(({ verdict }) => verdict !== 'pass').map((test) => [test.name, test.verdict]),
    ),
    { 'test 3': 'crash', 'test 10': 'timeout', 'test 14': 'timeout', 'test 20': 'crash' },
  );
  t.equal(cell.tests.length, 24, 'tests');
  t.same(
    cell.tests.map(({ name }) => name),
    Array.from({ length: 24 }, (_, index) => `test ${index + 1}`),
    'order',
  );
  const restOf = (first: number) => Array.from({ length: 25 - first }, (_, index) => `test ${first + index}`);
  t.same(
    cell.attempts.map(({ verdict, notBegun = [] }) => [verdict, notBegun]),
    [
      ['crash', restOf(4)],
      ['timeout', restOf(11)],
      ['done', restOf(15)],
      ['crash', restOf(21)],
      ['done', []],
    ],
  );
  t.equal(
    new Set(cell.attempts.flatMap(({ artefacts }) => artefacts.map(({ file }) => file))).size,
    15,
    'files',
  );
});

t.test('every test in a separate guest has the same verdict', async (t) => {
  const suite = makeSuite('isolated');
  // A profile of its own: other runs leave templates of the built-in ones that have not loaded the agent, which do until there is a better one.
  const guests = join(dir, 'guests.yaml');
  writeFileSync(guests, 'guests:\n  own: { extend: plain, kernelArgs: [e2e.restarts=1] }\n');
  const cell = await cellOf(
    suite,
    'isolated-run',
    ...['--guests-file', guests, '--guest', 'own'],
    ...['--isolate', '--only', 'test 3', '--only', 'test 2'],
  );
  t.same(Object.fromEntries(cell.tests.map(({ name, verdict }) => [name, verdict])), {
    ...Object.fromEntries([2, 21, 22, 23, 24].map((number) => [`test ${number}`, 'pass'])),
    ...{ 'test 3': 'crash', 'test 20': 'crash' },
  });
  t.equal(cell.attempts.length, 7);
  const forked = cell.attempts.filter(({ start }) => start?.how === 'fork');
  t.ok(forked.length >= 4, `${forked.length} guests of 7 were forked`);
  t.ok(
    forked.every(({ start }) => start?.preloaded),
    'with the agent',
  );
});

t.test('the limit of fresh guests, and tests that depend on each other', async (t) => {
  const limited = await cellOf(makeSuite('limited'), 'limited-run', '--restarts', '1');
  t.equal(limited.attempts.length, 2);
  t.match(limited.tests.at(-1), { verdict: 'lost', reason: /--restarts 1 fresh guests are used up/ });
  const sequence = await cellOf(makeSuite('sequence', 'sequence: true\n'), 'sequence-run');
  t.equal(sequence.attempts.length, 1);
  t.equal(sequence.tests.filter(({ verdict }) => verdict === 'lost').length, 21, 'lost tests');
});
