/** Streams that are made to fill the lab's memory or to hold it up. */
import t from 'tap';
import { TapStream } from './index.ts';

const MIB = 1 << 20;

/** Results of a stream that `write` fills, the seconds of CPU time it took and the MiB that resident memory grew by. */
function flood(write: (line: (text: string) => void) => void) {
  const [began, before] = [process.cpuUsage(), process.memoryUsage().rss];
  const stream = new TapStream();
  write((text) => stream.write(Buffer.from(`${text}\n`)));
  const results = stream.end({ code: 0 });
  const grown = Math.round((process.memoryUsage().rss - before) / MIB);
  const { user, system } = process.cpuUsage(began);
  return { results, seconds: (user + system) / 1e6, grown };
}

const cases: Record<string, (line: (text: string) => void) => void> = {
  'a million tests': (line) => {
    for (let n = 1; n <= 1_000_000; n++) line(`ok ${n} - test number ${n}`);
  },
  'a million tests of a level whose name never comes': (line) => {
    for (let n = 1; n <= 1_000_000; n++) line(`    not ok ${n} - nested ${n}`);
  },
  'tests that nest 20,000 levels deep': (line) => {
    for (let depth = 0; depth < 20_000; depth += 1) line(`${' '.repeat(depth)}ok 1 - at ${depth}`);
  },
  'names that are taken already': (line) => {
    for (let n = 2; n < 40_000; n++) line(`ok - a (${n})`);
    for (let n = 0; n < 1000; n++) line('ok - a');
  },
  'a line full of directives, many times': (line) => {
    for (let n = 0; n < 200; n++) line(`ok ${n + 1} - x${' # y'.repeat(15_000)}`);
  },
  'YAML that refers to itself': (line) => {
    line('not ok 1 - bomb\n  ---\n  a: &a [x,x,x,x,x,x,x,x,x]');
    for (let n = 1; n < 20; n++)
      line(
        `  ${'abcdefghijklmnopqrstuvw'[n]}: &${'abcdefghijklmnopqrstuvw'[n]} [${Array(9).fill(`*${'abcdefghijklmnopqrstuvw'[n - 1]}`)}]`,
      );
    line('  metrics: *t\n  ...');
  },
  'YAML that nests without end': (line) => {
    line(`not ok 1 - deep\n  ---\n  duration_ms: ${'['.repeat(30_000)}\n  ...`);
    line(`not ok 2 - closed\n  ---\n  duration_ms: ${'['.repeat(2000)}${']'.repeat(2000)}\n  ...`);
    line(`not ok 3 - compact\n  ---\n  a:\n  ${'- '.repeat(30_000)}x\n  ...`);
    line('not ok 4 - indented\n  ---');
    for (let n = 0; n < 990; n++) line(`  ${' '.repeat(n)}k:`);
    line('  ...');
  },
  'a YAML block of 60 MB': (line) => {
    line('not ok 1 - big\n  ---');
    for (let n = 0; n < 1000; n++) line(`  k${n}: ${'v'.repeat(60_000)}`);
    line('  ...');
  },
  'comments of 100 MB': (line) => {
    for (let n = 0; n < 2000; n++) line(`# ${'c'.repeat(50_000)}`);
    line('not ok 1 - after comments');
  },
  'figures without end': (line) => {
    for (let n = 1; n <= 50; n++) {
      const metric = '{name: "m", value: 1, unit: "s", better: "lower"}';
      line(`not ok ${n} - m${n}\n  ---\n  metrics: [${Array(1000).fill(metric)}]\n  ...`);
    }
  },
  '200 lines of 1 MiB': (line) => {
    const stream = 'z'.repeat(MIB);
    for (let n = 0; n < 200; n++) line(stream);
  },
};
for (const [name, write] of Object.entries(cases)) {
  t.test(`${name}: bounded time and memory, and never all passed`, async (t) => {
    const { results, seconds, grown } = flood(write);
    t.comment(`${seconds.toFixed(1)} s, ${grown} MiB, ${results.length} results`);
    t.ok(results.length <= 100_100, 'number of results');
    t.ok(grown < 512, `resident memory grew by ${grown} MiB`);
    t.ok(seconds < 60, `took ${seconds} s`);
    t.ok(
      results.some(({ verdict }) => verdict !== 'pass'),
      'a result that is no pass',
    );
  });
}

const CONTROL = '\u0002';

t.test('results of control characters are bounded by the characters that they take in a record', (t) => {
  const streams: Record<string, (n: number) => string> = {
    names: (n) => `not ok ${n} - ${n}${CONTROL.repeat(280)}`,
    reasons: (n) => `ok ${n} - ${n} # SKIP ${CONTROL.repeat(900)}`,
    details: (n) => `not ok ${n} - ${n}\n  ---\n  at: ${CONTROL.repeat(20_000)}\n  ...`,
    quotes: (n) => `not ok ${n} - ${n}\n# ${'"'.repeat(3900)}`,
  };
  for (const [kind, lineOf] of Object.entries(streams)) {
    const { results } = flood((line) => {
      for (let n = 1, bytes = 0; bytes < 32 * MIB; n++) {
        const text = lineOf(n);
        bytes += text.length;
        line(text);
      }
    });
    const chars = JSON.stringify(results, null, 2).length;
    t.ok(chars < 9 * MIB, `characters of the results with long ${kind}: ${chars}`);
  }
  t.end();
});

t.test('a stream of the default size with 500 figures a test stays within its characters', (t) => {
  const figures = Array.from(
    { length: 500 },
    (_, n) => `{name: "f${n}", value: ${n}, unit: "s", better: "lower"}`,
  );
  const { results } = flood((line) => {
    for (let n = 1; n <= 200; n++) line(`ok ${n} - t${n}\n  ---\n  metrics: [${figures.join(', ')}]\n  ...`);
    line('1..200');
  });
  t.ok(JSON.stringify(results, null, 2).length < 9 * MIB, 'characters of the results');
  t.match(results.at(-1), {
    name: '(further results)',
    reason: /were not kept \(limit 8388608 characters\)/,
  });
  t.end();
});

t.test(
  'details give way to results: with maxChars used up by details the later tests are still there',
  (t) => {
    const stream = new TapStream({ maxChars: 40_000 });
    const block = (n: number) => `not ok ${n} - t${n}\n  ---\n  note: ${'long '.repeat(2000)}\n  ...\n`;
    for (let n = 1; n <= 50; n++) stream.write(Buffer.from(block(n)));
    stream.write(Buffer.from('1..50\n'));
    const results = stream.end({ code: 1 });
    t.equal(results.length, 50, 'results');
    t.match(results[0]?.detail, /^note: long/);
    t.match(results[49], { name: 't50', verdict: 'fail', detail: /\[\d+ characters left out/ });
    t.ok(JSON.stringify(results).length <= 40_000, 'characters of the results');
    t.end();
  },
);
