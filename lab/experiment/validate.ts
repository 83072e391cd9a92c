import { collectProgram } from '../cell/program-files.ts';
import { InputError, type Problem } from '../core/errors.ts';
import { templatesLimit } from '../guest/index.ts';
import { checkConfig } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import { checkSource } from '../source/index.ts';
import { checkImages } from './images.ts';
import { allEnded } from './meanwhile.ts';
import { payloadsOf, type Session } from './session.ts';

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

type Checked = Pick<Plan, 'sources' | 'config' | 'pairs' | 'recipe' | 'packages'>;

/** Throws one InputError with every problem of the checks; any other error is thrown. */
async function throwProblems(checks: readonly Promise<unknown>[]): Promise<void> {
  const problems = (await allEnded(checks.map(problemsOf))).flat();
  if (problems.length > 0) throw new InputError(problems);
}

/** Of the settings in the environment those that are read only when guests start. */
const checkSettings = async () => void templatesLimit();

const checksOf = (plan: Checked, ctx: StageContext) => [
  checkSettings(),
  ...plan.sources.map((source) => checkSource(source, ctx.signal)),
  checkConfig(plan.config),
  ...checkImages(plan, ctx),
];

/**
 * Checks what a plan names and what only the file system knows: kernels, trees, revisions, config files, fragments, files of programs,
 * recipes and packages of images. Throws one InputError with every problem; nothing is unpacked, built or written.
 */
export async function checkPlan(plan: Checked, ctx: StageContext): Promise<void> {
  const suites = new Map(plan.pairs.map(({ suite }) => [suite.name, suite]));
  const programs = [...suites.values()].filter(({ run }) => run !== undefined);
  await throwProblems([
    ...checksOf(plan, ctx),
    ...programs.map((suite) => collectProgram(suite, ctx.signal)),
  ]);
}

/**
 * As `checkPlan`, and compiles the suites: before anything is built or recorded. Gives what is pushed into the guests. Throws
 * InputError as `checkPlan`, and for suites that do not compile.
 */
export async function checkRun(plan: Checked, ctx: StageContext): Promise<Session['payloads']> {
  const payloads = payloadsOf(plan, ctx);
  await throwProblems([...checksOf(plan, ctx), payloads]);
  return payloads;
}
