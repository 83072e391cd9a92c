/** Records of format 1, as ringlab wrote them until November 2026. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { render } from '../../reports/index.ts';
import { compareRecords, compareSides, hasSides } from '../compare/compare.ts';
import { exitCodeOfRun } from '../compare/exit.ts';
import { RunRecord } from '../model/run.ts';
import { upgrade } from '../model/upgrade.ts';
import { readRecord } from '../record/record.ts';

const file = join(import.meta.dirname, '../record/fixtures/format-1.json');
const text = readFileSync(file, 'utf8');
const dir = t.testdir({ 'run.json': text });

t.test('a record of format 1 is read as one of format 2 that loses no result', async (t) => {
  const before = JSON.parse(text);
  const record = await readRecord(dir);
  t.equal(record.format, 2);
  t.same(RunRecord.parse(record), record);
  t.same(
    record.kernels.map(({ id, side, base, key }) => [id, side, base, key]),
    [
      ['debian-6.12', 'base', undefined, before.kernels[0].key],
      ['debian-6.12+demo', 'patched', 'debian-6.12', before.kernels[1].key],
    ],
  );
  t.same(
    record.cells.map(({ tests }) => tests),
    before.cells.map(({ tests }: { tests: unknown }) => tests),
  );
  t.same(
    record.cells.map(({ kernel, profile, suite, attempts }) => [
      ...[kernel, profile, suite, attempts.length],
      attempts[0]?.timings.totalMs,
    ]),
    before.cells.map((cell: { kernel: string; timings: { totalMs: number } }) => [
      ...[cell.kernel, 'multipath', 'multipath', 1],
      cell.timings.totalMs,
    ]),
  );
});

t.test('a record of format 1 is compared and reported', async (t) => {
  const record = await readRecord(dir);
  t.ok(hasSides(record));
  const comparison = compareSides(record);
  t.match(comparison, { kind: 'sides', regressed: 0, kernels: [{ base: { id: 'debian-6.12' } }] });
  t.ok(comparison.fixed > 0, 'the series of the fixture fixes tests');
  t.match(
    comparison.unproven,
    [{ code: 'gone', count: 3 }],
    'three tests of the base are not in the fixture',
  );
  t.equal(exitCodeOfRun(record, comparison), 1);
  t.match(render('text', { record, comparison }), /multipath\/multipath[\s\S]*fixed \d+, regressed 0/);
  t.match(compareRecords(record, record), { kind: 'runs', regressed: 0, fixed: 0 });
});

t.test('the wording of skips of format 1 becomes the name that the kernel lacks', (t) => {
  const cell = (reason: string) => {
    const record = JSON.parse(text);
    record.cells[0].tests = [{ name: 'a', verdict: 'skip', reason }];
    return (upgrade(record, 'x') as RunRecord).cells[0]?.tests[0]?.lacks;
  };
  t.equal(cell('the kernel has no IORING_REGISTER_MAP_BUFFERS'), 'IORING_REGISTER_MAP_BUFFERS');
  t.equal(cell("the kernel's struct io_uring_sqe has no ext_flags"), 'io_uring_sqe.ext_flags');
  t.equal(cell('the kernel has no struct io_uring_map_buffers'), 'io_uring_map_buffers');
  t.equal(cell('the guest has no poll queues'), undefined);
  t.end();
});

t.test('what does not fit format 1 is an input error with its place', (t) => {
  const record = JSON.parse(text);
  t.throws(() => upgrade({ ...record, seed: 'x' }, 'runs/x/run.json'), {
    exitCode: 2,
    message: /runs\/x\/run\.json: seed/,
  });
  t.end();
});
