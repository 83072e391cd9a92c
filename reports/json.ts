import { visibleJson } from '../lab/model/visible.ts';
import type { ReportInput } from './input.ts';
import { unprovenIn } from './unproven.ts';

/**
 * The record and the comparison unchanged, for programs (reports/schema/report.schema.json), after what they do not prove. Unsafe
 * characters are escaped: `\u009b`.
 */
export function renderJson(input: ReportInput): string {
  const { record, comparison } = input;
  const unproven = unprovenIn(input);
  const report = {
    ...(unproven.length > 0 ? { unproven } : {}),
    record,
    ...(comparison ? { comparison } : {}),
  };
  return `${visibleJson(JSON.stringify(report, null, 2))}\n`;
}
