import { ringlab } from './ringlab.ts';

/** Runs a suite against mutants of a series: which of them it notices, in this order. Throws what was said when that fails. */
export async function noticed(where: readonly string[], mutants: readonly string[]): Promise<boolean[]> {
  const named = mutants.flatMap((name) => ['--mutant', name]);
  const { code, stdout, stderr } = await ringlab(['mutants', ...where, ...named, '--json']);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr.slice(-2000)}`);
  const results = (JSON.parse(stdout) as { mutants: { killed: boolean }[] }).mutants;
  return results.map(({ killed }) => killed);
}
