import type { CheckResult } from '../lab/model/check.ts';
import { oneLine, visible } from './escape.ts';
import { findingsOf, stateOf } from './findings.ts';
import type { ReportInput } from './input.ts';
import { summaryOf } from './view.ts';

/** Findings in the details of a result; the run has all. */
const MOST = 50;

/** What a run says about the patches that it tested, as the result of a check. */
export function checkOf(input: ReportInput): CheckResult {
  const { record, url } = input;
  const findings = findingsOf(input);
  const lines = findings
    .slice(0, MOST)
    .map(({ level, title, message }) => `${level.toUpperCase()}: ${oneLine(`${title}: ${message}`, 300)}`);
  const left = findings.length - MOST;
  const details = [
    ...lines,
    ...(left > 0 ? [`and ${left} more findings`] : []),
    `run ${record.id}: ringlab report ${record.id}`,
  ];
  return {
    ...{ tool: 'ringlab', status: stateOf(findings), summary: oneLine(summaryOf(input), 200) },
    ...(url === undefined ? {} : { url }),
    details: visible(details.join('\n')),
  };
}
