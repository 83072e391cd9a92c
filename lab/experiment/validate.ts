import { InputError, type Problem } from '../core/errors.ts';
import { checkConfig } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import { checkSource } from '../source/index.ts';

/** Runs a check and gives its problems; any other error is thrown. */
async function problemsOf(check: Promise<unknown>): Promise<readonly Problem[]> {
  try {
    await check;
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}

/**
 * Checks what a plan names and what only the file system knows: kernels, trees, revisions, config files, fragments. Throws one
 * InputError with every problem; nothing is unpacked, built or written.
 */
export async function checkPlan(plan: Pick<Plan, 'sources' | 'config'>, ctx: StageContext): Promise<void> {
  const problems = await Promise.all([
    ...plan.sources.map((source) => problemsOf(checkSource(source, ctx.signal))),
    problemsOf(checkConfig(plan.config)),
  ]);
  if (problems.flat().length > 0) throw new InputError(problems.flat());
}
