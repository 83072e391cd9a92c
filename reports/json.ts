import { UNSAFE } from './escape.ts';
import type { ReportInput } from './input.ts';

/** The record and the comparison as they are, for programs; what would steer a terminal is written as `\u009b`. */
export function renderJson({ record, comparison }: ReportInput): string {
  const text = JSON.stringify(comparison ? { record, comparison } : { record }, null, 2);
  return `${text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
