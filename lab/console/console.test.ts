import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type AttributedComplaint, ComplaintScanner, type ScanOptions } from './index.ts';

const corpus = join(import.meta.dirname, 'corpus');

type Expected = Record<string, string>;

/** A block for each expected complaint (`title:` begins it), `---`, the log. `none: yes`: no complaint is expected. */
function load(file: string): { expected: Expected[]; log: Buffer } {
  const bytes = readFileSync(join(corpus, file));
  const at = bytes.indexOf('\n---\n');
  const expected: Expected[] = [];
  for (const line of bytes.toString('utf8', 0, at).split('\n')) {
    const [, key, value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    if (key === 'title') expected.push({});
    const last = expected.at(-1);
    if (key && last) last[key] = value;
  }
  return { expected, log: bytes.subarray(at + 5) };
}

function scan(chunks: readonly Uint8Array[], options?: ScanOptions): AttributedComplaint[] {
  const scanner = new ComplaintScanner(options);
  for (const chunk of chunks) scanner.write(chunk);
  return scanner.end();
}

for (const file of readdirSync(corpus).sort()) {
  t.test(`corpus: ${file} gives its expected complaints however the log is chunked`, (t) => {
    const { expected, log } = load(file);
    const complaints = scan([log]);
    t.same(
      complaints.map(({ title, signature, fatal, test }) => ({ title, signature, fatal, test })),
      expected.map(({ title, signature, fatal, test }) => ({
        title,
        signature,
        fatal: fatal === 'yes',
        test,
      })),
    );
    const lines = log.toString().split('\n');
    expected.forEach(({ first, last, contains, lacks }, index) => {
      const { text = '', line = 0 } = complaints[index] ?? {};
      t.equal(lines[line - 1], text.split('\n')[0], 'line number of the report');
      if (first) t.equal(text.split('\n')[0], first, 'first line of the report');
      if (last) t.equal(text.split('\n').at(-1), last, 'last line of the report');
      if (contains) t.ok(text.includes(contains), contains);
      if (lacks) t.notOk(text.includes(lacks), `no ${lacks}`);
    });
    const whole = JSON.stringify(complaints);
    const same = (...chunks: Uint8Array[]) => JSON.stringify(scan(chunks)) === whole;
    // Every byte of a short log, every seventh of a long one, which reaches all columns too.
    const step = log.length < 800 ? 1 : 7;
    const splits = [...log.keys()].filter(
      (at) => at % step === 0 && !same(log.subarray(0, at), log.subarray(at)),
    );
    t.same(splits, [], 'bytes at which a split changes the complaints');
    t.ok(same(...[...log].map((byte) => Uint8Array.of(byte))), 'single bytes give the same complaints');
    t.end();
  });
}

const log = (...lines: string[]) => Buffer.from(`${lines.join('\n')}\n`);

t.test('severity decides about messages of a device, and is not asked about a bug of the kernel', (t) => {
  const noise = log(
    'ringlab: begin "reset"',
    'nvme nvme0: controller is down; will reset: CSTS=0xffffffff',
    'swiotlb buffer is full',
    'BUG: workqueue lockup - pool 1',
  );
  const asked: string[] = [];
  const complaints = scan([noise], {
    severity: (kind, test) => {
      asked.push(`${kind} in ${test}`);
      return kind === 'swiotlb-full' ? 'fatal' : 'ignore';
    },
  });
  t.same(asked, ['nvme-down in reset', 'swiotlb-full in reset']);
  t.same(
    complaints.map(({ kind, fatal }) => ({ kind, fatal })),
    [
      { kind: 'swiotlb-full', fatal: true },
      { kind: 'workqueue', fatal: true },
    ],
  );
  t.end();
});

t.test('the running test is the last that began and did not end, by the markers of the agent', (t) => {
  const scanner = new ComplaintScanner();
  const running = (line: string) => {
    scanner.write(log(line));
    return scanner.running;
  };
  t.equal(running('[    1.000000][  T5] ringlab: begin "a \\"quoted\\" > b"'), 'a "quoted" > b');
  t.equal(running('nothing'), 'a "quoted" > b');
  t.equal(running('[    1.000000] ringlab: end "a \\"quoted\\" > b"'), undefined);
  t.equal(running('ringlab: begin "as it "is" > C:\\path"'), 'as it "is" > C:\\path');
  t.equal(running('ringlab: begin "cut short[   15.324199] ringlab: end "cut short"'), undefined);
  t.equal(running('ringlab: begin "glued[   15.324199] nvme nvme0: reset'), 'glued');
  t.equal(running('ringlab: begun "nothing"'), 'glued');
  t.end();
});

t.test('of 300 distinct complaints 200 are kept and the rest counted in one', (t) => {
  const lines = Array.from({ length: 300 }, (_, n) => {
    const name = `f${String.fromCharCode(97 + (n % 26), 97 + ((n / 26) | 0))}`;
    return `BUG: KASAN: use-after-free in ${name}+0x1/0x2`;
  });
  const complaints = scan([log(...lines)]);
  t.equal(complaints.length, 201);
  t.match(complaints.at(-1), { title: 'further kernel complaints', fatal: true, text: /^\[100 more/ });
  t.end();
});

t.test('a report of 5000 lines is kept to 40,000 characters with a note of the rest', (t) => {
  const noise = Array.from({ length: 5000 }, (_, n) => `  frame_${n}+0x1/0x2`);
  const [complaint] = scan([log('BUG: scheduling while atomic: a/1/2', 'Call Trace:', ...noise)]);
  t.ok((complaint?.text.length ?? 0) < 40_000);
  t.match(complaint?.text, /\[\d+ more lines of this report\]$/);
  t.end();
});

t.test('megabytes of driver messages and random bytes give no complaint', (t) => {
  const scanner = new ComplaintScanner();
  const line = '[   12.345678][   T77] nvme nvme0: I/O queue 3 of 4 is ready, [12.3] entries=1024\n';
  const chunk = Buffer.from(line.repeat(12_000));
  for (let n = 0; n < 5; n++) scanner.write(chunk);
  scanner.write(Buffer.from(Array.from({ length: 1 << 20 }, (_, n) => (n * 2654435761) >>> 24)));
  t.same(scanner.end(), []);
  t.end();
});
