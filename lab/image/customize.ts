import { InputError } from '../core/errors.ts';
import { shell } from '../core/shell.ts';
import type { StageContext } from '../model/event.ts';
import type { Recipe } from './recipe.ts';

/** Independent of the user's environment, so that a step has the same result for every user. */
const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  LC_ALL: 'C',
  HOME: '/nonexistent',
};

/**
 * Runs the recipe's `customize` steps in order, each with bash (`-euo pipefail`) in the root folder. It is the only folder that they
 * can write, they see nothing else of the host but /usr, and have no network. Throws LabError where no sandbox works, one InputError with the step and its last lines of
 * output when a step fails, and the abort reason.
 */
export async function customizeRoot(recipe: Recipe, root: string, ctx: StageContext): Promise<void> {
  const $ = shell({
    access: { writable: [root], readable: [], cwd: root, env: ENVIRONMENT },
    ...{ policy: ctx, signal: ctx.signal, accept: 'any' },
  });
  for (const [index, step] of recipe.customize.entries()) {
    const { code, stdout, stderr } = await $`exec bash --norc -euo pipefail -c ${step}`;
    if (code === 0) continue;
    const output = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
    const what = `customize step ${index + 1} ended with code ${code}: ${step.trim()}\n${output}`;
    throw new InputError({ what, where: `image ${recipe.name}`, fix: `correct the step in ${recipe.file}` });
  }
}
