/** Streams that are made to fill the lab's memory or to hold it up. */
import t from 'tap';
import { TapStream } from './index.ts';

const MIB = 1 << 20;

/** Results of a stream that `write` fills, the seconds it took and the MiB that resident memory grew by. */
function flood(write: (line: (text: string) => void) => void) {
  const [began, before] = [performance.now(), process.memoryUsage().rss];
  const stream = new TapStream();
  write((text) => stream.write(Buffer.from(`${text}\n`)));
  const results = stream.end({ code: 0 });
  const grown = Math.round((process.memoryUsage().rss - before) / MIB);
  return { results, seconds: (performance.now() - began) / 1000, grown };
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
