import { UNSAFE } from './escape.ts';
import type { ReportInput } from './input.ts';

/** The record and the comparison unchanged, for programs (reports/schema/report.schema.json). Unsafe characters are escaped: `\u009b`. */
export function renderJson({ record, comparison }: ReportInput): string {
  const text = JSON.stringify(comparison ? { record, comparison } : { record }, null, 2);
  return `${text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
