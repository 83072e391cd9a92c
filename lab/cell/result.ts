import { type CellSpec, nameOfCell } from '../model/cell.ts';
import type { Attempt, CellRecord } from '../model/run.ts';
import { type AttributedComplaint, attributeComplaints } from './attribute.ts';
import { metricsOf } from './metrics.ts';
import type { SuiteOutcome } from './suite-end.ts';

/** The name of a spec's cell, for people. */
export const nameOf = ({ kernel, profile, suite, repeat, shard, rerun }: CellSpec): string =>
  nameOfCell({ kernel: kernel.id, profile: profile.name, suite: suite.name, repeat, shard, rerun });

/** A record of one attempt that has no results yet. */
export function emptyCell(
  spec: Pick<CellSpec, 'profile' | 'suite' | 'repeat' | 'attempt' | 'shard'> & { kernel: { id: string } },
  verdict: CellRecord['verdict'],
  more: Partial<Pick<CellRecord, 'reason' | 'detail'>> & Partial<Attempt> = {},
): CellRecord {
  const { reason, detail, ...attempt } = more;
  const why = reason === undefined ? {} : { reason };
  return {
    ...{ kernel: spec.kernel.id, profile: spec.profile.name, suite: spec.suite.name, verdict, ...why },
    ...(detail === undefined ? {} : { detail }),
    ...{ tests: [], complaints: [], metrics: [] },
    attempts: [
      {
        ...{ repeat: spec.repeat, attempt: spec.attempt, verdict, ...why },
        ...(spec.shard === undefined ? {} : { shard: spec.shard }),
        ...{ timings: { totalMs: 0 }, artefacts: [], ...attempt },
      },
    ],
  };
}

/** What a suite's outcome and the console say together. A fatal complaint outranks a suite that reports no failure. */
export function judge(outcome: SuiteOutcome, complaints: readonly AttributedComplaint[]) {
  const fatal = outcome.verdict === 'done' ? complaints.find((complaint) => complaint.fatal) : undefined;
  const why = fatal ? { reason: fatal.title, detail: fatal.text } : outcome;
  return {
    verdict: fatal ? ('crash' as const) : outcome.verdict,
    ...(why.reason === undefined ? {} : { reason: why.reason }),
    ...(why.detail === undefined ? {} : { detail: why.detail }),
    tests: attributeComplaints(outcome.tests, complaints),
    metrics: metricsOf(outcome.tests),
    notBegun: outcome.notBegun,
    complaints: complaints.map(({ test: _test, ...complaint }) => complaint),
  };
}

/** Verdict, results and complaints of one attempt. */
export type Judged = ReturnType<typeof judge>;
