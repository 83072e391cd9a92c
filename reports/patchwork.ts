import { visibleJson } from '../lab/model/visible.ts';
import { oneLine } from './escape.ts';
import { type Finding, findingsOf, stateOf } from './findings.ts';
import type { ReportInput } from './input.ts';
import { rowsOf } from './rows.ts';
import { slugOf } from './slug.ts';
import { summaryOf } from './view.ts';

/** `CheckCreate` of patchwork's REST API 1.3. */
interface Check {
  state: 'success' | 'warning' | 'fail';
  /** A slug of at most 255 characters: patchwork shows the latest check of each. */
  context: string;
  /** At most 200 characters, or null. */
  target_url: string | null;
  description: string;
}

const STATES = { pass: 'success', warn: 'warning', fail: 'fail' } as const;

/** Longest address that patchwork stores. */
const LONGEST_URL = 200;

function checkOf(
  context: string,
  findings: readonly Finding[],
  passed: string,
  url: string | undefined,
): Check {
  const [first] = findings;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  const description = first ? `${oneLine(`${first.title}: ${first.message}`, 200)}${more}` : passed;
  return {
    ...{ state: STATES[stateOf(findings)], context, description: oneLine(description, 230) },
    target_url: url !== undefined && url.length <= LONGEST_URL ? url : null,
  };
}

/**
 * JSON array of checks for patchwork: `ringlab` for the run, then one for each cell (`ringlab-plain-passthrough`). Each is the body of
 * a POST to `/api/patches/ID/checks/`: a check belongs to a patch, and a series is usually judged at its last one.
 */
export function renderPatchwork(input: ReportInput): string {
  const findings = findingsOf(input);
  const { url } = input;
  const contexts = new Set<string>();
  const unique = (name: string): string => {
    const stem = slugOf(`ringlab-${name}`, 240);
    let context = stem;
    for (let number = 2; contexts.has(context); number++) context = `${stem}-${number}`;
    contexts.add(context);
    return context;
  };
  const cells = input.record.mutants ? [] : rowsOf(input);
  const checks = [
    checkOf('ringlab', findings, summaryOf(input), url),
    ...cells.flatMap(({ cell, patched }) => {
      if (!patched) return [];
      const { pass, skip } = patched;
      const own = findings.filter((finding) => finding.cell === cell);
      return [checkOf(unique(cell), own, `${pass} passed, ${skip} skipped`, url)];
    }),
  ];
  return `${visibleJson(JSON.stringify(checks, null, 2))}\n`;
}
