import type { ReportInput } from './input.ts';

/** The record and the comparison as they are, for programs. */
export function renderJson({ record, comparison }: ReportInput): string {
  return `${JSON.stringify(comparison ? { record, comparison } : { record }, null, 2)}\n`;
}
