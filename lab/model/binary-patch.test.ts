import { deflateSync, inflateSync } from 'node:zlib';
import t from 'tap';
import { BINARY_LIMIT, binaryBytes } from './binary-patch.ts';
import { base85 } from './testing/base85.ts';

const size = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...size(Math.floor(value / 128))];

/** A delta that says its result has `result` bytes, followed by `more` bytes, as packed data. */
const packed = (result: number, more: Buffer) =>
  deflateSync(Buffer.concat([Buffer.from([...size(70_000), ...size(result)]), more]));

const delta = (data: Buffer, announced = 1) => `delta ${announced}\n${base85(data)}\n\n`;

const cpuMs = (work: () => void): number => {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
};

t.test('the result size of a delta is read, whatever follows it', (t) => {
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at * 31 + (at >> 3)) & 255));
  for (const more of [
    Buffer.alloc(0),
    Buffer.alloc(200),
    Buffer.alloc(1 << 20),
    Buffer.alloc(8 << 20),
    noise,
  ]) {
    const diff = `GIT binary patch\n${delta(packed(1_000_000, more))}`;
    t.equal(binaryBytes(diff), 4096 + 1_000_000, `bytes of a delta with ${more.length} more bytes`);
  }
  t.equal(binaryBytes(`GIT binary patch\n${delta(Buffer.from('no packed data'))}`), Number.POSITIVE_INFINITY);
  t.end();
});

t.test('deltas of a kilobyte that would become a mebibyte each are not unpacked', (t) => {
  const data = packed(1, Buffer.alloc(1 << 20));
  t.ok(data.length < 1100, 'bytes of the packed data');
  const count = 500;
  const diff = `GIT binary patch\n${delta(data).repeat(count)}`;
  const whole = cpuMs(() => {
    for (let at = 0; at < count; at++) inflateSync(data);
  });
  const read = cpuMs(() => t.equal(binaryBytes(diff), count * 4097, 'bytes'));
  t.ok(read < whole, `ms: ${read.toFixed()}, unpacked ${whole.toFixed()}`);
  t.end();
});

t.test('many small pieces of binary data exceed the limit', (t) => {
  const pieces = BINARY_LIMIT / 4096 + 1;
  t.ok(binaryBytes(`GIT binary patch\n${'literal 0\nHcmV?d00001\n\n'.repeat(pieces)}`) > BINARY_LIMIT);
  const shared = `GIT binary patch\n${'delta 1\n'.repeat(2000)}${'z'.repeat(1 << 20)}\n`;
  t.ok(cpuMs(() => binaryBytes(shared)) < 2000, 'ms of deltas before one long line');
  t.end();
});
