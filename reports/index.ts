import type { ReportInput } from './input.ts';
import { renderJson } from './json.ts';
import { renderJunit } from './junit.ts';
import { renderMarkdown } from './markdown.ts';
import { renderText } from './text.ts';

export type { Colors, ReportInput } from './input.ts';
export { renderJson, renderJunit, renderMarkdown, renderText };

const renderers = {
  text: renderText,
  markdown: renderMarkdown,
  junit: renderJunit,
  json: renderJson,
} satisfies Record<string, (input: ReportInput) => string>;

/** Name of a report format. */
export type Format = keyof typeof renderers;

/** Names of the formats of `ringlab report --format`. */
export const formats = Object.keys(renderers) as Format[];

/** Renders a run, with its comparison if the input has one. The text ends in a newline. */
export function render(format: Format, input: ReportInput): string {
  return renderers[format](input);
}
