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
  let detail = '';
  for (const line of bytes.toString('utf8', 0, at).split('\n')) {
    const [, key, value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    if (line.startsWith('  ')) {
      sample.details.set(detail, [sample.details.get(detail), line.slice(2)].filter(Boolean).join('\n'));
    } else if (key === 'expect') sample.expected.push(value);
    else if (key === 'detail') detail = value;
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

const say = ({ verdict, name, reason }: TestResult) => `${verdict} ${name}${reason ? ` | ${reason}` : ''}`;

for (const file of readdirSync(corpus).sort()) {
  t.test(`corpus: ${file}`, (t) => {
    const { expected, details, count, ending, stream } = load(file);
    const told: string[] = [];
    const results = read([stream], ending, { onTest: (result) => told.push(say(result)) });
    const said = results.map(say);
    t.same(said.slice(0, count === undefined ? undefined : expected.length), expected);
    if (count !== undefined) t.equal(results.length, count);
    t.same(told.slice().sort(), said.slice().sort(), 'each result was told of once');
    for (const [name, detail] of details) t.equal(results.find((r) => r.name === name)?.detail, detail, name);
    const whole = JSON.stringify(results);
    const same = (...chunks: Uint8Array[]) => JSON.stringify(read(chunks, ending)) === whole;
    const splits = [...stream.keys()].filter((at) => !same(stream.subarray(0, at), stream.subarray(at)));
    t.same(splits, [], 'no split at any byte makes a difference');
    t.ok(same(...[...stream].map((byte) => Uint8Array.of(byte))), 'nor do single bytes');
    t.end();
  });
}

t.test('durations are milliseconds', (t) => {
  const { ending, stream } = load('tap14-subtest.tap');
  const results = read([stream], ending);
  t.same(
    results.map((result) => result.durationMs),
    [undefined, 12.5, 3.25],
  );
  t.end();
});

t.test('a cut at any byte never makes a pass of what was none, and shows as a failure', (t) => {
  const passing = (results: readonly TestResult[]) =>
    results.filter((result) => result.verdict === 'pass').map((result) => result.name.split(' > ').at(-1));
  for (const file of ['tap14-subtest.tap', 'kselftest-nested.tap', 'ktap-nested.tap', 'console-mixed.tap']) {
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

t.test('a line of any length is cut and says so', (t) => {
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

t.test('more results than are kept are counted, with their failures', (t) => {
  const text = `TAP version 14\n1..9\n${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `ok ${n} - t${n}\n`).join('')}not ok 9 - bad\n`;
  const results = read([Buffer.from(text)], { code: 1 }, { maxTests: 3 });
  t.equal(results.length, 4);
  t.match(results[3], {
    verdict: 'fail',
    reason: '6 further results were not kept (limit 3), 1 of them failures',
  });
  t.end();
});

t.test('a stream of many megabytes leaves little behind', (t) => {
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

t.test('exit conventions', (t) => {
  const codes = [0, 1, 2, 3, 4, 77, 124, null];
  const verdicts = (name: 'kselftest' | 'liburing' | 'plain') =>
    codes.map((code) => exitConvention(name, code));
  t.same(verdicts('kselftest'), ['pass', 'fail', 'todo', 'pass', 'skip', 'fail', 'timeout', 'lost']);
  t.same(verdicts('liburing'), ['pass', 'fail', 'fail', 'fail', 'fail', 'skip', 'timeout', 'lost']);
  t.same(verdicts('plain'), ['pass', 'fail', 'fail', 'fail', 'fail', 'fail', 'fail', 'lost']);
  t.end();
});

t.test('which of two right behaviours a test saw is kept', (t) => {
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
