import { stat } from 'node:fs/promises';
import { loadKnown } from '../cell/known.ts';
import { exists } from '../core/cache.ts';
import { InputError, type Problem } from '../core/errors.ts';
import { missingSource, readOrigins } from '../foreign/index.ts';
import { loadProfiles } from '../guest/index.ts';
import { defaultConfig } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import type { Plan, SourceRequest } from '../model/plan.ts';
import type { BenchSettings } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import type { Suite } from '../model/suite.ts';
import type { Allowed } from '../model/unproven.ts';
import { makePlan } from '../plan/plan.ts';
import { baseOf, type LoadedSeries, resolveStack } from '../series/index.ts';
import { loadSuites, withUserSuites } from '../suite/discover.ts';

/** Which kernels, and how they are configured. Empty lists mean the defaults. */
export interface KernelRequest {
  /** Names in kernels/sources.yaml. */
  kernels: readonly string[];
  /** Path of a kernel tree, instead of `kernels`. */
  tree?: string | undefined;
  /** Revision of `tree`. */
  base?: string | undefined;
  /** `tinyconfig`, `defconfig` or the path of a config file. */
  config: string;
  /** Paths of config fragments, on top of the usual ones. */
  fragments: readonly string[];
  debug: boolean;
  /** The series to apply: a name or path, or the series itself. */
  series?: string | Series | undefined;
}

/** A matrix of kernels, guests and suites as the user requests it, before any name is resolved. Empty lists mean the defaults. */
export interface MatrixRequest extends KernelRequest {
  guests: readonly string[];
  /** Names, or paths of the user's own suites. */
  suites: readonly string[];
  /** Sources of foreign suites: `liburing=PATH`, a git URL or `debian:PACKAGE` instead of the path. */
  suiteSources?: readonly string[] | undefined;
  only: readonly string[];
  patchedOnly: boolean;
  repeats?: number | undefined;
  restarts?: number | undefined;
  isolate?: boolean | undefined;
  /** Default true. */
  fork?: boolean | undefined;
  confirm?: number | undefined;
  flaky?: 'fail' | 'warn' | undefined;
  bench?: BenchSettings | undefined;
  jobs: number;
  seed?: number | undefined;
  /** Path of a YAML file with further guest profiles. */
  guestsFile?: string | undefined;
  /** Path of a YAML file with further known complaints. */
  knownFile?: string | undefined;
  vcpus?: number | undefined;
  memoryMiB?: number | undefined;
  diskMiB?: number | undefined;
  kernelArgs: readonly string[];
  qemuArgs: readonly string[];
  bootTimeoutSeconds?: number | undefined;
  accel?: 'kvm' | 'tcg' | undefined;
  /** What is no fault of the run; absent: nothing. */
  allow?: Allowed | undefined;
  /** Image recipe of the guests: a name, or the path of a folder. */
  recipe?: string | undefined;
  /** Debian packages to add to the image. */
  packages?: readonly string[] | undefined;
}

/** The sources that a request names; `seriesBase` is the kernel that a series applies to, for a request that names none. */
function sourcesOf({ kernels, tree, base }: KernelRequest, seriesBase?: string): SourceRequest[] {
  const repeated = kernels.filter((name, index) => kernels.indexOf(name) !== index);
  const problems: Problem[] = [];
  if (kernels.length > 0 && tree !== undefined)
    problems.push({ what: 'two kernels are named', where: '--kernel/--tree', expected: 'one of the two' });
  if (base !== undefined && tree === undefined)
    problems.push({ what: 'a revision without a tree', where: '--base', expected: '--tree DIR --base REV' });
  for (const name of new Set(repeated))
    problems.push({ what: `${name} is named twice`, where: '--kernel', expected: 'different kernels' });
  if (problems.length > 0) throw new InputError(problems);
  if (tree !== undefined) return [{ tree, base }];
  return kernels.length > 0 ? kernels.map((kernel) => ({ kernel })) : [{ kernel: seriesBase }];
}

/** As `sourcesOf`, for work on a single kernel. Throws InputError when the request names several. */
export function singleSourceOf(request: KernelRequest, seriesBase?: string): SourceRequest {
  const [first = {}, ...others] = sourcesOf(request, seriesBase);
  if (others.length === 0) return first;
  throw new InputError({ what: 'several kernels are named', where: '--kernel', expected: 'one of them' });
}

/**
 * The configuration of a request: the usual fragments, those that suites name, then its own. One configuration for all suites of a run, so
 * that each kernel is built once.
 */
export function configOf(
  { config, fragments, debug }: KernelRequest,
  suites: readonly Pick<Suite, 'fragments'>[] = [],
): KernelConfigRequest {
  const usual = defaultConfig(debug);
  const ofSuites = suites.flatMap((suite) => suite.fragments ?? []);
  return {
    ...usual,
    start: config,
    fragments: [...new Set([...usual.fragments, ...ofSuites, ...fragments])],
  };
}

/** The repository of a git range: the tree that it applies to where that is a folder, else the current folder. */
async function repositoryOf(tree: string | undefined): Promise<string | undefined> {
  if (tree === undefined) return undefined;
  const info = await stat(tree).catch(() => undefined);
  return info?.isDirectory() ? tree : undefined;
}

/**
 * A series after everything that it needs; no series gives an empty stack. A git range is of `tree`, where that is a folder. Throws
 * InputError as `resolveStack`.
 */
export async function stackOf(
  { series, tree }: Pick<KernelRequest, 'series' | 'tree'>,
  ctx: StageContext,
): Promise<LoadedSeries[]> {
  if (series === undefined) return [];
  if (typeof series === 'string') return resolveStack(series, ctx, undefined, await repositoryOf(tree));
  const below = series.needs === undefined ? [] : await resolveStack(series.needs, ctx);
  return [...below, { series }];
}

/** For each suite that is no known name but a file or folder here: its name as a path. */
async function suiteFixesOf(
  names: readonly string[],
  suites: ReadonlyMap<string, unknown>,
): Promise<Map<string, string>> {
  const fixes = new Map<string, string>();
  for (const name of names)
    if (!suites.has(name) && (await exists(name)))
      fixes.set(name, `a suite that is a file or folder is named by its path: --suite ./${name}`);
  return fixes;
}

/**
 * Gives each foreign suite its source. Throws one InputError for sources of other suites, and for requested suites whose source is not
 * named.
 */
async function withSources(
  suites: ReadonlyMap<string, Suite>,
  requested: readonly string[],
  texts: readonly string[],
): Promise<Map<string, Suite>> {
  const origins = await readOrigins(texts);
  const foreign = [...suites.values()].filter(({ build }) => build).map(({ name }) => name);
  const problems = [...origins.keys()]
    .filter((name) => !foreign.includes(name))
    .map(
      (name): Problem => ({
        what: suites.has(name) ? `the suite ${name} is not made of a source` : `there is no suite ${name}`,
        where: `--source ${name}=...`,
        expected: `one of ${foreign.join(', ')}`,
      }),
    );
  for (const name of new Set(requested)) {
    const { build } = suites.get(name) ?? {};
    if (build && build.from === undefined && !origins.has(name)) problems.push(missingSource(name, build));
  }
  if (problems.length > 0) throw new InputError(problems);
  return new Map([...suites].map(([name, suite]) => [name, { ...suite, origin: origins.get(name) }]));
}

/**
 * Resolves a request to a checked plan and the series to apply, in order. Throws InputError for names, files and combinations that
 * are wrong; whether sources and config files exist is left to `checkPlan`.
 */
export async function resolvePlan(
  request: MatrixRequest,
  ctx: StageContext,
): Promise<{ plan: Plan; stack: Series[] }> {
  const { series, bench, bootTimeoutSeconds } = request;
  const [profiles, shipped] = await Promise.all([loadProfiles(request.guestsFile), loadSuites()]);
  const known = await loadKnown(request.knownFile);
  const { suites: all, names } = await withUserSuites(shipped, request.suites);
  const suites = await withSources(all, names, request.suiteSources ?? []);
  const stack = await stackOf(request, ctx);
  const plan = makePlan(
    {
      sources: sourcesOf(request, baseOf(stack)),
      series: typeof series === 'object' ? series.name : series,
      // The suites and guests that test a series are not those that show its cost.
      seriesDefaults: bench ? undefined : stack.at(-1)?.info,
      guests: [...request.guests],
      ...{ suites: names, suiteFixes: await suiteFixesOf(names, suites) },
      config: configOf(request),
      withBase: !request.patchedOnly,
      ...{
        repeats: request.repeats,
        restarts: request.restarts,
        isolate: request.isolate,
        fork: request.fork,
        confirm: request.confirm,
        flaky: request.flaky,
        bench,
        jobs: request.jobs,
        only: [...request.only],
        seed: request.seed,
      },
      ...{ kernelArgs: [...request.kernelArgs], qemuArgs: [...request.qemuArgs] },
      ...{ vcpus: request.vcpus, memoryMiB: request.memoryMiB, diskMiB: request.diskMiB },
      bootTimeoutMs: bootTimeoutSeconds === undefined ? undefined : bootTimeoutSeconds * 1000,
      ...{ known, accel: request.accel, allow: request.allow },
      ...{ recipe: request.recipe, packages: request.packages },
    },
    profiles,
    suites,
  );
  const config = configOf(
    request,
    plan.pairs.map(({ suite }) => suite),
  );
  return { plan: { ...plan, config }, stack: stack.map((loaded) => loaded.series) };
}
