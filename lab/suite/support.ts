import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { parseYaml } from '../model/parse.ts';
import { programOf, type TestResult } from '../model/result.ts';
import type { Suite } from '../model/suite.ts';
import type { Verdict } from '../model/verdict.ts';

/** `6.12`: a kernel release with its stable releases. */
const Release = z.string().regex(/^\d+\.\d+$/, 'a kernel release such as 6.12');

/** What one program gave on one release where it did not pass. */
const Entry = z
  .object({
    /** As measured. `skip` is the program's own, which still runs; a program with another verdict is not run. */
    verdict: z.enum(['skip', 'fail', 'timeout', 'crash', 'lost']),
    reason: z.string().min(1),
  })
  .strict();

/** `support.yaml`: what programs of a foreign suite do on kernel releases, measured by runs. */
export const SupportTable = z
  .object({
    /** Version of the source that was measured. */
    source: z.string(),
    /** Measured releases: on them a program that is not listed passes. */
    releases: z.array(Release),
    /** By program and release. */
    programs: z.record(z.string(), z.record(Release, Entry)),
  })
  .strict();
export type SupportTable = z.infer<typeof SupportTable>;

/** How the reason begins for which a program of the table is not run. */
const NOT_RUN = 'does not work on Linux';

/** Why a program is not run, by release; undefined where it is run on all. */
export function unsupportedOn(table: SupportTable, program: string): Record<string, string> | undefined {
  const entries = Object.entries(table.programs[program] ?? {})
    .filter(([, { verdict }]) => verdict !== 'skip')
    .map(([release, { verdict, reason }]) => [release, `${NOT_RUN} ${release}: ${verdict}, ${reason}`]);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** What a run says about the programs of a suite on one kernel. */
export interface Measurement {
  /** `6.12.57`. */
  release: string;
  tests: readonly TestResult[];
}

/** Subtests that a reason names. */
const NAMED = 3;

/** The reason of a program whose results have one verdict: which subtests have it and what the first says, or why each is skipped. */
function reasonOf(program: string, results: readonly TestResult[]): string {
  const [first] = results;
  if (!first) return '';
  const firstLine = ({ reason, verdict }: TestResult) => reason?.split('\n')[0] ?? verdict;
  // A skip says why: of which subtest does not matter, but each may lack something else.
  if (first.verdict === 'skip') return [...new Set(results.map(firstLine))].join('; ');
  const said = firstLine(first);
  const parts = results.flatMap(({ name }) => (name === program ? [] : name.slice(program.length + 3)));
  if (parts.length === 0) return said;
  const rest = parts.length > NAMED ? ` and ${parts.length - NAMED} more` : '';
  const names = `${parts.slice(0, NAMED).join(', ')}${rest}`;
  return first.reason === undefined ? names : `${names}: ${said}`;
}

/** The verdicts of each program in several runs, the worst of its subtests, with a reason. */
function verdictsOf(
  measurements: readonly Measurement[],
): Map<string, { verdict: Verdict; reason: string }[]> {
  const programs = new Map<string, { verdict: Verdict; reason: string }[]>();
  for (const { tests } of measurements) {
    const worst = new Map<string, TestResult[]>();
    for (const test of tests) {
      const name = programOf(test.name);
      const earlier = worst.get(name) ?? [];
      const by = RANK.indexOf(test.verdict) - RANK.indexOf(earlier[0]?.verdict ?? test.verdict);
      if (earlier.length === 0 || by > 0) worst.set(name, [test]);
      else if (by === 0) earlier.push(test);
    }
    for (const [name, results] of worst) {
      const { verdict = 'lost' } = results[0] ?? {};
      programs.set(name, [...(programs.get(name) ?? []), { verdict, reason: reasonOf(name, results) }]);
    }
  }
  return programs;
}

/** From the best to the worst: a program of which one subtest passes and another is skipped passes. */
const RANK: readonly Verdict[] = ['skip', 'todo', 'pass', 'lost', 'fail', 'timeout', 'crash'];

/**
 * The table with what runs have measured: on each release of theirs a program is listed where it did not pass in any of them. A program
 * that the table itself kept from running keeps its entry, so remove the entry first to measure it anew. `source`: version of the
 * source that the runs had.
 */
export function updatedTable(
  table: SupportTable,
  source: string,
  measurements: readonly Measurement[],
): SupportTable {
  const programs: SupportTable['programs'] = structuredClone(table.programs);
  const byRelease = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const release = measurement.release.split('.').slice(0, 2).join('.').replace(/-.*/, '');
    byRelease.set(release, [...(byRelease.get(release) ?? []), measurement]);
  }
  for (const [release, own] of byRelease) {
    for (const [name, results] of verdictsOf(own)) {
      if (results.some(({ reason }) => reason.startsWith(`${NOT_RUN} ${release}:`))) continue;
      const entry = Entry.safeParse(results[0]);
      const isConstant = results.every(({ verdict }) => verdict !== 'pass' && verdict !== 'todo');
      const releases = { ...programs[name] };
      delete releases[release];
      if (isConstant && entry.success) releases[release] = entry.data;
      if (Object.keys(releases).length > 0) programs[name] = sorted(releases, compareReleases);
      else delete programs[name];
    }
  }
  const releases = [...new Set([...table.releases, ...byRelease.keys()])].sort(compareReleases);
  return { source, releases, programs: sorted(programs, (a, b) => (a < b ? -1 : Number(a > b))) };
}

function sorted<T>(values: Record<string, T>, order: (a: string, b: string) => number): Record<string, T> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => order(a, b)));
}

/** `6.1` before `6.12`. */
function compareReleases(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  return (left?.[0] ?? 0) - (right?.[0] ?? 0) || (left?.[1] ?? 0) - (right?.[1] ?? 0);
}

/** The table as its file has it. */
export const supportText = (table: SupportTable): string =>
  `# What programs of this suite do on kernel releases; programs that are not listed pass. Measured: ringlab suite support --help\n${stringify(table, { lineWidth: 0 })}`;

/** The table of a suite; undefined where it has none. Throws InputError for a malformed table. */
export async function readSupport(
  suite: Pick<Suite, 'dir' | 'adapterDir' | 'support'>,
): Promise<SupportTable | undefined> {
  if (suite.support === undefined) return undefined;
  const file = join(suite.adapterDir ?? suite.dir, suite.support);
  return parseYaml(SupportTable, await readFile(file, 'utf8'), file);
}
