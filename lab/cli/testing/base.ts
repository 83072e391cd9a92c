import type { RunRecord } from '../../model/run.ts';
import { ringlab } from './ringlab.ts';

/** The verdicts of a suite's tests on the base without any series, each once; all may be skipped. Throws what was said when the run fails. */
export async function verdictsOnBase(suite: string): Promise<string[]> {
  const where = ['--kernel', 'debian-6.12', '--suite', suite, '--guest', 'plain'];
  const { code, stdout, stderr } = await ringlab(['run', ...where, '--allow-skips', '--json']);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr.slice(-2000)}`);
  const { cells } = JSON.parse(stdout) as RunRecord;
  return [...new Set(cells.flatMap(({ tests }) => tests.map(({ verdict }) => verdict)))];
}
