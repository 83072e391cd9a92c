import { join } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { checkImage, ensureImage, type ImageRequest, providedBy } from '../image/index.ts';
import type { StageContext } from '../model/event.ts';
import type { Image } from '../model/machine.ts';
import type { Plan } from '../model/plan.ts';
import type { Suite } from '../model/suite.ts';
import { missingInterpreter } from '../suite/interpreter.ts';
import { findPrograms } from '../suite/programs.ts';

/** Recipe of the image that guests boot by default. */
const RECIPE = 'minimal';

/** Where guests have the files of a program suite (lab/cell/program.ts). */
const PROGRAM_HOME = '/run/program/';

type ImagePlan = Pick<Plan, 'recipe' | 'packages' | 'pairs'>;
type PackagesOf = Pick<Suite, 'name' | 'packages'>;

/** The image that guests of a suite need, of a shell without one. */
function requestOf({ recipe = RECIPE, packages = [] }: ImagePlan, suite?: PackagesOf): ImageRequest {
  const all = [...new Set([...packages, ...(suite?.packages ?? [])])].sort();
  const where = suite?.packages?.length ? `packages of the suite ${suite.name}` : '--packages';
  return { recipe, packages: all, where };
}

const keyOf = ({ recipe, packages = [] }: ImageRequest) => [recipe, ...packages].join(' ');

/** The name of an image that is not made, for people: `minimal + bash, fio`. */
export function imageName(plan: ImagePlan, suite?: PackagesOf): string {
  const { recipe, packages = [] } = requestOf(plan, suite);
  return packages.length > 0 ? `${recipe} + ${packages.join(', ')}` : recipe;
}

/** The images of a plan, each once, with the suites whose guests boot it. */
function requestsOf(plan: ImagePlan): { request: ImageRequest; suites: Suite[] }[] {
  const suites = [...new Map(plan.pairs.map(({ suite }) => [suite.name, suite])).values()];
  const requests = new Map<string, { request: ImageRequest; suites: Suite[] }>();
  for (const suite of suites.length > 0 ? suites : [undefined]) {
    const request = requestOf(plan, suite);
    const entry = requests.get(keyOf(request)) ?? { request, suites: [] };
    requests.set(keyOf(request), entry);
    if (suite) entry.suites.push(suite);
  }
  return [...requests.values()];
}

/**
 * Checks the images of a plan before anything is built: recipes, packages, and interpreters of scripts whose package is known and in none
 * of them. Throws one InputError with every problem of an image, or of its suites.
 */
export function checkImages(plan: ImagePlan, ctx: StageContext): Promise<void>[] {
  return requestsOf(plan).map(async ({ request, suites }) => {
    // apt is not asked for the default image, which is that of the project.
    const names = keyOf(request) === RECIPE ? [] : await checkImage(request, ctx);
    // What the files of a user's recipe have is known only when its image is made.
    if (request.recipe !== RECIPE) return;
    const problems = await Promise.all(
      suites.map((suite) =>
        interpreterProblems(
          suite,
          ({ interpreter, packages }) =>
            interpreter.endsWith('\r') || packages.some((name) => !names.includes(name)),
        ),
      ),
    );
    throwAll(problems);
  });
}

/**
 * Makes the images of a plan, side by side: `image` is that of the first suite, or of a shell, `imageOf` that of a suite. Throws as
 * `ensureImage`.
 */
export async function prepareImages(
  plan: ImagePlan,
  ctx: StageContext,
): Promise<{ image: Image; imageOf: (suite: PackagesOf) => Image }> {
  const requests = requestsOf(plan).map(({ request }) => [keyOf(request), request] as const);
  const made = await Promise.all(
    requests.map(async ([key, request]) => [key, await ensureImage(request, ctx)] as const),
  );
  const images = new Map(made);
  const find = (request: ImageRequest) => {
    const image = images.get(keyOf(request));
    if (!image) throw new Error(`no image was made for ${keyOf(request)}`);
    return image;
  };
  const first = requests[0]?.[1] ?? requestOf(plan);
  return { image: find(first), imageOf: (suite) => find(requestOf(plan, suite)) };
}

/** Throws one InputError with all problems that there are. */
function throwAll(problems: readonly Problem[][]): void {
  const all = problems.flat();
  if (all.length > 0) throw new InputError(all);
}

type Missing = NonNullable<Awaited<ReturnType<typeof missingInterpreter>>>;

/** The programs of a suite that may be scripts, as paths: that of `run`, or those of a folder. A foreign suite's are not made yet. */
async function scriptsOf(suite: Suite): Promise<string[]> {
  if (suite.dir === '' || suite.build) return [];
  const program = suite.run?.[0];
  if (program !== undefined) return [join(suite.dir, program)];
  // What is wrong with the list of programs is reported where files are collected.
  const programs = await findPrograms(suite).catch(() => []);
  return programs.filter(({ skip }) => skip === undefined).map(({ path }) => path);
}

/** What to do about an interpreter that guests lack. */
function fixFor({ interpreter, packages }: Missing): string {
  if (interpreter.endsWith('\r')) return 'end its lines with \\n instead of \\r\\n';
  if (packages.length === 0)
    return 'name the Debian package that has it in `packages` of suite.yaml, or put the interpreter among `files`';
  const list = `packages: [${packages.join(', ')}]`;
  return `add \`${list}\` to the suite.yaml of the suite, or --packages ${packages.join(',')} to the command`;
}

/** What is wrong with the programs of a suite: each interpreter once that is not in the image, by `provides` and `isMissing`. */
async function interpreterProblems(
  suite: Suite,
  isMissing: (missing: Missing) => boolean,
  provides: (path: string) => boolean = () => false,
): Promise<Problem[]> {
  // Files of the suite lie there too. A program that is missing is reported where files are collected.
  const isThere = (path: string) => provides(path) || path.startsWith(PROGRAM_HOME);
  const found = new Map<string, { missing: Missing; scripts: string[] }>();
  for (const script of await scriptsOf(suite)) {
    const missing = await missingInterpreter(script, isThere).catch(() => undefined);
    if (!missing || !isMissing(missing)) continue;
    const entry = found.get(missing.interpreter) ?? { missing, scripts: [] };
    found.set(missing.interpreter, entry);
    entry.scripts.push(script);
  }
  return [...found.values()].map(({ missing, scripts: [where = '', ...others] }) => ({
    what: `guests have no ${missing.interpreter}, the interpreter of the script${others.length > 0 ? ` and of ${others.length} more` : ''}`,
    where,
    fix: fixFor(missing),
  }));
}

/** Throws one InputError with every program of a plan's suites whose interpreter guests lack: its script would only fail in the guest. */
export async function checkInterpreters(
  plan: Pick<Plan, 'pairs'>,
  imageOf: (suite: Suite) => Image,
): Promise<void> {
  const suites = new Map(plan.pairs.map(({ suite }) => [suite.name, suite]));
  throwAll(
    await Promise.all(
      [...suites.values()].map(async (suite) =>
        interpreterProblems(suite, () => true, await providedBy(imageOf(suite))),
      ),
    ),
  );
}
