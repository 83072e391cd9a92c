import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import type { Plan } from '../model/plan.ts';
import type { Series } from '../model/series.ts';

/** A mutant of `kernels/mutants/`: its name and its patch. */
export interface MutantFile {
  name: string;
  path: string;
}

/**
 * The mutants in `kernels/mutants/<of>`, a series or (for mainline code) a suite, by name; `only` selects by parts of names.
 * Throws InputError when there are none.
 */
export async function listMutants(of: string, only: readonly string[]): Promise<MutantFile[]> {
  const folder = join(projectRoot, 'kernels/mutants', of);
  const files = (await exists(folder))
    ? (await readdir(folder)).filter((file) => file.endsWith('.patch')).sort()
    : [];
  const all = files.map((file) => ({ name: file.replace(/[.]patch$/, ''), path: join(folder, file) }));
  const chosen = all.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (chosen.length > 0) return chosen;
  throw new InputError({
    what: all.length === 0 ? `${of} has no mutants` : `no mutant is named like ${only.join(', ')}`,
    where: all.length === 0 ? '--series/--suite' : '--mutant',
    expected: all.map(({ name }) => name).join(', ') || `patches in kernels/mutants/${of}/`,
  });
}

/**
 * The folder of mutants that a plan asks for: the series', or without a series that of its only suite, for mainline code. Throws
 * InputError when neither is named.
 */
export function mutantsOf(plan: Pick<Plan, 'pairs'>, stack: readonly Series[]): string {
  const series = stack.at(-1);
  if (series) return series.name;
  const [suite, ...others] = new Set(plan.pairs.map((pair) => pair.suite.name));
  if (suite && others.length === 0) return suite;
  throw new InputError({
    what: 'neither a series nor one suite is named',
    where: '--series/--suite',
    expected: 'a series whose mutants are to be planted, or a suite that has some for mainline code',
  });
}
