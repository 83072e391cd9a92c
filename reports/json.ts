import { visibleJson } from '../lab/model/visible.ts';
import type { ReportInput } from './input.ts';

/** The record and the comparison unchanged, for programs (reports/schema/report.schema.json). Unsafe characters are escaped: `\u009b`. */
export function renderJson({ record, comparison }: ReportInput): string {
  const text = JSON.stringify(comparison ? { record, comparison } : { record }, null, 2);
  return `${visibleJson(text)}\n`;
}
