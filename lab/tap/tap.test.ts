import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { TestResult } from '../model/result.ts';
import { type Ending, exitConvention, type TapOptions, TapStream } from './index.ts';

const corpus = join(import.meta.dirname, 'corpus');

interface Sample {
  expected: string[];
  details: Map<string, string>;
  count?: number;
  ending: Ending;
  stream: Buffer;
}

/** `expect: verdict name | reason`, `detail: name` with two-space lines below, `count:`, `end: {...}`, `---`, the stream. */
function load(file: string): Sample {
  const bytes = readFileSync(join(corpus, file));
  const at = bytes.indexOf('---\n');
  const sample: Sample = {
    expected: [],
    details: new Map(),
    ending: { code: 0 },
    stream: bytes.subarray(at + 4),
  };
  let test = '';
  for (const line of bytes.toString('utf8', 0, at).split('\n')) {
    const [, key, value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    if (line.startsWith('  ')) {
      sample.details.set(test, [sample.details.get(test), line.slice(2)].filter(Boolean).join('\n'));
    } else if (key === 'expect') sample.expected.push(value);
    else if (key === 'detail') test = value;
    else if (key === 'count') sample.count = Number(value);
    else if (key === 'end') sample.ending = JSON.parse(value) as Ending;
  }
  return sample;
}

function read(chunks: readonly Uint8Array[], ending: Ending, options?: TapOptions): TestResult[] {
  const stream = new TapStream(options);
  for (const chunk of chunks) stream.write(chunk);
  return stream.end(ending);
}

/** Reads a stream of these lines that a suite ended with exit code 0. */
const readLines = (...lines: string[]) => read([Buffer.from(`${lines.join('\n')}\n`)], { code: 0 });

const summary = ({ verdict, name, reason }: TestResult) =>
  `${verdict} ${name}${reason ? ` | ${reason}` : ''}`;

for (const file of readdirSync(corpus).sort()) {
  t.test(`corpus: ${file} gives its expected results however the stream is chunked`, (t) => {
    const { expected, details, count, ending, stream } = load(file);
    const emitted: string[] = [];
    const results = read([stream], ending, { onTest: (result) => emitted.push(summary(result)) });
    const summaries = results.map(summary);
    t.same(summaries.slice(0, count === undefined ? undefined : expected.length), expected);
    if (count !== undefined) t.equal(results.length, count, 'number of results');
    t.same(emitted.slice().sort(), summaries.slice().sort(), 'onTest is called once for each result');
    for (const [name, detail] of details)
      t.equal(results.find((result) => result.name === name)?.detail, detail, `detail of ${name}`);
    const whole = JSON.stringify(results);
    const same = (...chunks: Uint8Array[]) => JSON.stringify(read(chunks, ending)) === whole;
    const splits = [...stream.keys()].filter((at) => !same(stream.subarray(0, at), stream.subarray(at)));
    t.same(splits, [], 'bytes at which a split changes the results');
    t.ok(same(...[...stream].map((byte) => Uint8Array.of(byte))), 'single bytes give the same results');
    t.end();
  });
}

t.test('durations are read in milliseconds from YAML and from # time', (t) => {
  const { ending, stream } = load('tap14-subtest.tap');
  const results = read([stream], ending);
  t.same(
    results.map((result) => result.durationMs),
    [undefined, 12.5, 3.25],
  );
  t.end();
});

t.test('a stream cut at any byte has a failure and no pass that the whole stream does not have', (t) => {
  const passing = (results: readonly TestResult[]) =>
    results.filter((result) => result.verdict === 'pass').map((result) => result.name.split(' > ').at(-1));
  const files = ['tap14-subtest.tap', 'kselftest-nested.tap', 'ktap-nested.tap', 'console-mixed.tap'];
  for (const file of [...files, 'announced-all.tap', 'announced-names.tap']) {
    const { ending, stream } = load(file);
    const passes = new Set(passing(read([stream], ending)));
    const flawed = [...stream.keys()].filter((at) => {
      const results = read([stream.subarray(0, at)], { code: null });
      const silent = results.every((result) => ['pass', 'skip', 'todo'].includes(result.verdict));
      return silent || passing(results).some((name) => !passes.has(name));
    });
    t.same(flawed, [], file);
  }
  t.end();
});

t.test('a stream cut after the announcements has one result for each announced test', (t) => {
  const { stream } = load('announced-panic.tap');
  const names = ['a read of one page', 'a write of one page', 'a flush', 'a read past the end'];
  const announced = stream.lastIndexOf('# ringlab: test') + '# ringlab: test "a read past the end"\n'.length;
  for (let at = announced; at <= stream.length; at++) {
    const results = read([stream.subarray(0, at)], { code: null, running: 'a flush' });
    t.same(results.map(({ name }) => name).sort(), [...names].sort(), `cut at byte ${at}`);
  }
  t.end();
});

t.test('a line longer than maxLineBytes is cut with a note', (t) => {
  const long = `TAP version 14\n1..1\nnot ok 1 - ${'x'.repeat(5000)}\n`;
  const lines: string[] = [];
  const [result] = read(
    [Buffer.from(long)],
    { code: 1 },
    { maxLineBytes: 200, onLine: (line) => lines.push(line) },
  );
  t.match(lines[2], /\[\d+ more bytes of this line were cut\]$/);
  t.equal(result?.verdict, 'fail');
  t.end();
});

t.test('results beyond maxTests become one result with their number and their failures', (t) => {
  const text = `TAP version 14\n1..9\n${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `ok ${n} - t${n}\n`).join('')}not ok 9 - bad\n`;
  const results = read([Buffer.from(text)], { code: 1 }, { maxTests: 3 });
  t.equal(results.length, 4);
  t.match(results[3], {
    verdict: 'fail',
    reason: '6 further results were not kept (limit 3), 1 of them failures',
  });
  t.end();
});

t.test('a stream of many megabytes leaves less than 70 KB of detail', (t) => {
  const stream = new TapStream();
  stream.write(Buffer.from('TAP version 14\n1..2\nnot ok 1 - a\n  ---\n'));
  const noise = Buffer.from(`  key: ${'noise '.repeat(2000)}\n# comment ${'y'.repeat(3000)}\n`.repeat(20));
  for (let n = 0; n < 40; n++) stream.write(noise);
  stream.write(Buffer.alloc(8 << 20, 'z'));
  stream.write(Buffer.from('\n  ...\nok 2 - b\n'));
  const results = stream.end({ code: 1 });
  t.same(
    results.map((result) => result.verdict),
    ['fail', 'pass'],
  );
  t.ok((results[0]?.detail?.length ?? 0) < 70_000);
  t.match(results[0]?.detail, /more (lines|characters)/);
  t.end();
});

t.test('of 100,000 announced tests 10,000 are lost by name and the rest as one result', (t) => {
  const names = Array.from({ length: 100_000 }, (_, n) => `test ${n}`);
  const announcements = names.map((name) => `# ringlab: test ${JSON.stringify(name)}\n`).join('');
  const cut = read([Buffer.from(`TAP version 14\n${announcements}ok 1 - test 0\n`)], { code: null });
  t.equal(cut.length, 10_001, 'number of results');
  t.match(cut[0], { name: 'test 0', verdict: 'pass' });
  t.match(cut[1], { name: 'test 1', verdict: 'lost' });
  t.match(cut[9999], { name: 'test 9999', verdict: 'lost' });
  t.match(cut[10_000], { name: '(90000 further announced tests)', verdict: 'lost' });
  const points = names.map((name, n) => `ok ${n + 1} - ${name}\n`).join('');
  const whole = read([Buffer.from(`TAP version 14\n${announcements}${points}1..100000\n`)], { code: 0 });
  t.equal(whole.length, 100_000, 'number of results of a stream that is whole');
  t.ok(
    whole.every(({ verdict }) => verdict === 'pass'),
    'all of them pass',
  );
  t.end();
});

t.test('a name longer than 300 characters is the same test in announcement, result and marker', (t) => {
  const [one, two] = ['a'.repeat(400), 'b'.repeat(400)];
  const text = `TAP version 14\n# ringlab: test "${one}"\n# ringlab: test "${two}"\nok 1 - ${one}\n`;
  const results = read([Buffer.from(text)], { code: null, timedOut: true, running: two });
  t.same(
    results.map(({ name, verdict }) => [name, verdict]),
    [
      [`${'a'.repeat(300)} [100 more characters]`, 'pass'],
      [`${'b'.repeat(300)} [100 more characters]`, 'timeout'],
    ],
  );
  t.end();
});

t.test('exit codes become verdicts by the convention of kselftest, liburing or neither', (t) => {
  const codes = [0, 1, 2, 3, 4, 77, 124, null];
  const verdicts = (name: 'kselftest' | 'liburing' | 'plain') =>
    codes.map((code) => exitConvention(name, code));
  t.same(verdicts('kselftest'), ['pass', 'fail', 'todo', 'pass', 'skip', 'fail', 'timeout', 'lost']);
  t.same(verdicts('liburing'), ['pass', 'fail', 'fail', 'fail', 'fail', 'skip', 'timeout', 'lost']);
  t.same(verdicts('plain'), ['pass', 'fail', 'fail', 'fail', 'fail', 'fail', 'fail', 'lost']);
  t.end();
});

t.test('the behaviour of a test becomes a field of its result', (t) => {
  const stream = new TapStream();
  stream.write(
    Buffer.from(
      'TAP version 14\nok 1 - a\n  ---\n  behaviour: "since Linux 6.2: x"\n  ...\nok 2 - b\n1..2\n',
    ),
  );
  const [first, second] = stream.end({ code: 0 });
  t.match(first, { name: 'a', verdict: 'pass', behaviour: 'since Linux 6.2: x' });
  t.equal(second?.behaviour, undefined);
  t.end();
});

t.test('the name that the kernel lacks becomes a field of a skipped test, a list of names does not', (t) => {
  const [skipped, wrong] = readLines(
    ...[
      'TAP version 14',
      'ok 1 - a # SKIP the kernel has no IORING_X',
      '  ---',
      '  lacks: IORING_X',
      '  ...',
    ],
    ...['ok 2 - b # SKIP no', '  ---', '  lacks: [IORING_X]', '  ...', '1..2'],
  );
  t.match(skipped, { verdict: 'skip', reason: 'the kernel has no IORING_X', lacks: 'IORING_X' });
  t.equal(wrong?.lacks, undefined);
  t.equal(wrong?.detail, 'lacks: [IORING_X]');
  t.end();
});

t.test('metrics become a field of their test without a spread and are no part of its detail', (t) => {
  const submit = { name: 'submit', value: 3584.5, unit: 'instructions', better: 'lower' };
  const noisy = { name: 'turn', value: 9, unit: 'µs', better: 'none', noise: 0.02 };
  const json = JSON.stringify([submit, { ...noisy, spread: 3 }]);
  const [test, bare] = readLines(
    ...['TAP version 14', 'ok 1 - a', '  ---', '  duration_ms: 3.5', `  metrics: ${json}`, '  more: text'],
    ...['  ...', 'ok 2 - b', '  ---', `  metrics: ${json}`, '  ...', '1..2'],
  );
  t.same(test?.metrics, [submit, noisy]);
  t.equal(test?.detail, 'duration_ms: 3.5\nmore: text');
  t.same(bare, { name: 'b', verdict: 'pass', metrics: [submit, noisy] });
  t.end();
});

t.test('metrics that do not match the schema are kept as text only', (t) => {
  const testWith = (value: string) =>
    readLines('TAP version 14', 'ok 1 - a', '  ---', `  metrics: ${value}`, '  ...', '1..1')[0];
  for (const value of ['none', '{ name: a }'])
    t.same(testWith(value), { name: 'a', verdict: 'pass', detail: `metrics: ${value}` });
  const many = JSON.stringify(Array(501).fill({ name: 'a', value: 1, unit: 'b', better: 'lower' }));
  for (const [value, why] of [
    ['[{ name: a, value: many, unit: b, better: lower }]', 'malformed'],
    ['[{', 'malformed'],
    [many, '501, at most 500 are taken'],
  ] as const) {
    const reason = `its figures are not taken (${why}); they are in its detail`;
    t.same(testWith(value), { name: 'a', verdict: 'pass', reason, detail: `metrics: ${value}` });
  }
  const list = ['metrics:', '  - { name: a, value: 1, unit: b, better: lower }'];
  const [block] = readLines(
    'TAP version 14',
    'ok 1 - a',
    '  ---',
    ...list.map((line) => `  ${line}`),
    '  ...',
  );
  t.match(
    block,
    { metrics: [{ name: 'a', value: 1 }], detail: list.join('\n') },
    'a block of other programs',
  );
  t.end();
});

t.test('a test has the class that it was announced with, also when it ends its guest', (t) => {
  const lines = [
    'TAP version 14',
    '# ringlab: test "a" 1500 ms contract',
    '# ringlab: test "b" safety',
    '# ringlab: test "c" choice',
    '# ringlab: test "d" nonsense',
    '# ringlab: test "e"',
    'ok 1 - a',
    '  ---',
    '  choices: ["errno: expected -ENXIO, got -EIO"]',
    '  unproven: "the mapping: no counters"',
    '  ...',
    'ok 2 - x',
    '  ---',
    '  class: objection',
    '  choices: wrong',
    '  ...',
  ];
  const results = read([Buffer.from(`${lines.join('\n')}\n`)], { code: null, running: 'b' });
  t.same(
    results.map(({ name, verdict, class: of }) => [name, verdict, of]),
    [
      ['a', 'pass', 'contract'],
      ['x', 'pass', 'objection'],
      ['b', 'lost', 'safety'],
      ['c', 'lost', 'choice'],
      ['d', 'lost', undefined],
      ['e', 'lost', undefined],
    ],
  );
  t.match(results[0], {
    choices: ['errno: expected -ENXIO, got -EIO'],
    unproven: 'the mapping: no counters',
  });
  t.notOk(results[1]?.choices, 'a value of the wrong type');
  t.end();
});

t.test('announced tests are told with their own deadlines, and result lines at once', (t) => {
  const told: unknown[] = [];
  const stream = new TapStream({
    onAnnounced: (...announced) => told.push(announced),
    onPoint: (name) => told.push(name),
    onTest: () => t.fail('its YAML may still come'),
  });
  const lines = [
    '# ringlab: test "a \\"b\\"" 1500 ms',
    '# ringlab: test "c"',
    '# ringlab: test "cut',
    'ok 1 - a "b"',
  ];
  stream.write(Buffer.from(`${lines.join('\n')}\n`));
  t.same(told, [['a "b"', 1500], ['c', undefined], 'a "b"']);
  t.end();
});
