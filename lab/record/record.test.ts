import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { cacheRoot } from '../core/cache.ts';
import { projectRoot } from '../core/paths.ts';
import type { Attempt, CellRecord, KernelRecord, RunRecord } from '../model/run.ts';
import { findRun, newRunDir } from './find.ts';
import { readRecord, writeRecord } from './record.ts';

const cell: CellRecord = {
  ...{ kernel: 'k', profile: 'plain', suite: 'passthrough', verdict: 'done' },
  tests: [{ name: 'reads', verdict: 'fail', detail: 'opened /root/file in the guest' }],
  ...{ complaints: [], metrics: [] },
  attempts: [{ repeat: 1, attempt: 1, verdict: 'done', timings: { totalMs: 1 }, artefacts: [] }],
};

const record = (more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ format: 2, id: 'x', startedAt: '2026-01-01T00:00:00Z', seconds: 1, ringlab: '0.1.0' },
  kernels: [{ id: 'k', name: 'k', side: 'base', warnings: [], newWarnings: [] }],
  host: { cpu: 'x', cores: 2, memoryMiB: 1, kernel: '6', node: '20' },
  profiles: [{ id: 'plain' }],
  suites: [{ id: 'passthrough' }],
  ...{ seed: 1, cells: [cell], spans: [], failures: [], interrupted: false },
  ...more,
});

t.test('a record is read as it was written, by folder or by file', async (t) => {
  const dir = t.testdir();
  await writeRecord(dir, record());
  t.same(await readRecord(dir), record());
  t.same(await readRecord(join(dir, 'run.json')), record());
  t.same(await readdir(dir), ['run.json']);
});

t.test('a record holds no path of the machine that made it', async (t) => {
  const dir = t.testdir();
  const roots = [dir, cacheRoot(), projectRoot, process.cwd(), homedir(), tmpdir()];
  const commandLine = [
    'qemu',
    ...roots.map((root) => `file=${root}/a/b.img,if=none`),
    ...roots,
    `in ${tmpdir()}fs, /var${tmpdir()}/x`,
  ];
  const failure = {
    verdict: 'build-failed' as const,
    message: 'no',
    detail: roots.map((root) => `${root}/x.c:1: error`).join('\n'),
  };
  const kernels: KernelRecord[] = [
    { id: 'k', name: 'k', side: 'base', warnings: [`${projectRoot}/a.c: w`], newWarnings: [], failure },
  ];
  const qemu = { version: '7.2', accel: 'tcg', commandLine };
  const attempts = cell.attempts.map((attempt): Attempt => ({ ...attempt, qemu }));
  const broken = { ...cell, attempts, reason: `see ${dir}/console.log` };
  await writeRecord(dir, record({ kernels, cells: [broken] }));
  const text = await readFile(join(dir, 'run.json'), 'utf8');
  const written = JSON.parse(text) as RunRecord;
  const words = JSON.stringify({ ...written, cells: written.cells.map((one) => ({ ...one, tests: [] })) });
  for (const root of roots) t.notOk(words.includes(`=${root}`) || words.includes(`"${root}`), root);
  t.match(written.cells[0]?.reason, 'see <run>/console.log');
  t.match(written.cells[0]?.attempts[0]?.qemu?.commandLine, ['qemu', 'file=<run>/a/b.img,if=none']);
  t.equal(
    written.cells[0]?.attempts[0]?.qemu?.commandLine.at(-1),
    `in ${tmpdir()}fs, /var${tmpdir()}/x`,
    'only whole paths',
  );
  t.equal(written.cells[0]?.tests[0]?.detail, 'opened /root/file in the guest', 'what the guest said stays');
});

t.test('what is no record is an input error', async (t) => {
  const dir = t.testdir({
    none: {},
    bad: { 'run.json': '{' },
    other: { 'run.json': '{"format":3,"seed":"x"}' },
  });
  await t.rejects(readRecord(join(dir, 'none')), { exitCode: 2, message: /there is no run record/ });
  await t.rejects(readRecord(join(dir, 'bad')), { exitCode: 2, message: /run\.json: [\s\S]*expected: JSON/ });
  await t.rejects(readRecord(join(dir, 'other')), {
    exitCode: 2,
    message: /format[\s\S]*seed[\s\S]*fix/,
  });
});

t.test('a broken record is not written', async (t) => {
  const dir = t.testdir();
  await t.rejects(writeRecord(dir, { ...record(), seed: 0.5 }), /seed/);
  t.same(await readdir(dir), []);
});

t.test('runs are named by their time and found by name, path or as the latest', async (t) => {
  const runs = join(t.testdir(), 'runs');
  await t.rejects(findRun('latest', runs), { exitCode: 2, message: /there is no run yet/ });
  const ids: string[] = [];
  for (const time of ['2026-11-21T08:42:12.345Z', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z']) {
    const { id, dir } = await newRunDir(runs, undefined, 'my series/x', new Date(time));
    ids.push(id);
    await mkdir(dir, { recursive: true });
    await writeRecord(dir, record({ id }));
  }
  t.same(ids, [
    '20261121T084212Z-my-series-x',
    '20260102T030405Z-my-series-x',
    '20260102T030405Z-my-series-x.2',
  ]);
  t.equal(await findRun('latest', runs), join(runs, ids[0] ?? ''));
  t.equal(await findRun(ids[1] ?? '', runs), join(runs, ids[1] ?? ''));
  const path = join(runs, ids[2] ?? '', 'run.json');
  t.equal(await findRun(path, runs), path);
  await mkdir(join(runs, '9-unfinished'));
  t.equal(await findRun('latest', runs), join(runs, ids[0] ?? ''), 'a folder without a record is no run');
  await t.rejects(findRun('nonsense', runs), { exitCode: 2, message: /"nonsense"[\s\S]*20261121T084212Z/ });
});

t.test('a folder that holds a run is not taken for another', async (t) => {
  const dir = t.testdir();
  t.match(await newRunDir('runs', dir, 'x'), { dir });
  await writeFile(join(dir, 'run.json'), '{}');
  await t.rejects(newRunDir('runs', dir, 'x'), { exitCode: 2, message: /already holds a run/ });
});
