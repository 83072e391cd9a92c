/** A night of two series on real kernels in real guests. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { onePatch } from '../lab/cli/testing/patch.ts';
import { run } from '../lab/core/process.ts';
import type { RunRecord } from '../lab/model/run.ts';

const SOUND = 'nvme: leave the command as it is';
const BROKEN = 'nvme: refuse every command';
const dir = t.testdir();

t.test('night: a sound series and one that breaks a read are tested, and the summary has both', async (t) => {
  const mboxes = join(dir, 'mboxes');
  mkdirSync(mboxes);
  writeFileSync(join(mboxes, 'sound.mbox'), onePatch(SOUND, 'c = (struct nvme_command){};'));
  writeFileSync(join(mboxes, 'broken.mbox'), onePatch(BROKEN, 'return -EPERM;'));
  const out = join(dir, 'night');
  const matrix = ['--guest', 'plain', '--suite', 'passthrough', '--only', 'reads what'];
  const { code, stdout, stderr } = await run(
    process.execPath,
    [join(import.meta.dirname, 'night.mjs'), '--out', out, ...matrix, 'broken.mbox', 'sound.mbox'],
    { accept: 'any', cwd: mboxes, parentDeath: 'TERM', graceMs: 20_000 },
  );
  t.equal(code, 1, stderr.slice(-2000));
  t.equal(stdout, `${out}/summary.md\n`);

  const summary = readFileSync(join(out, 'summary.md'), 'utf8');
  t.match(summary, new RegExp(`^\\| ${BROKEN} \\| FAILED \\| 0 \\| [1-9]\\d* \\| [1-9]\\d* \\|`, 'm'));
  t.match(summary, new RegExp(`^\\| ${SOUND} \\| sound \\| 0 \\| 0 \\| 0 \\|`, 'm'));
  t.match(summary, new RegExp(`^## ${BROKEN}$[\\s\\S]*^## ${SOUND}$`, 'm'));
  for (const number of ['1', '2']) {
    const record = JSON.parse(readFileSync(join(out, number, 'run.json'), 'utf8')) as RunRecord;
    const passed = record.cells[0]?.tests.filter(({ verdict }) => verdict === 'pass');
    t.ok(passed?.length, `series ${number}: ${passed?.length} tests pass on the base`);
  }
});
