import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { ComplaintScanner } from './index.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes of the heap that are in use, without garbage. */
function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

t.test('the scanner keeps less than 50 MB of 100 MB of console with reports of many callers', (t) => {
  const block = Array.from({ length: 4000 }, (_, n) => {
    const prefix = `[  ${100 + n}.000000][T${n}] `;
    // A report that never ends, one of each caller, a line of a driver, and one that a program prints.
    if (n % 4 === 0)
      return `${prefix}BUG: scheduling while atomic: fio/${n}/0x2\n${prefix}Call Trace:\n${prefix} f_${n}+0x1/0x2`;
    if (n % 4 === 1) return `[  100.000000][    T1]  endless_${n}+0x1/0x2`;
    return n % 4 === 2 ? `${prefix}nvme nvme0: ${'entry '.repeat(40)}` : `${'ok 1 - a test '.repeat(20)}`;
  }).join('\n');
  const chunk = Buffer.from(`${block}\n`);
  const scanner = new ComplaintScanner();
  const before = heapInUse();
  let most = 0;
  for (let bytes = 0; bytes < 100e6; bytes += chunk.length) {
    scanner.write(chunk);
    most = Math.max(most, heapInUse() - before);
  }
  scanner.write(Buffer.alloc(4 << 20, 'a line without an end '));
  t.equal(scanner.end().length, 201, 'complaints kept, with that which counts the rest');
  t.ok(most < 50e6, `heap in use: ${Math.round(most / 1e6)} MB at most`);
  t.end();
});
