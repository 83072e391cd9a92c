import { renderGithubAnnotations } from './github-annotations.ts';
import { renderGithubSummary } from './github-summary.ts';
import type { PageInput } from './html/input.ts';
import type { ReportInput } from './input.ts';
import { renderJson } from './json.ts';
import { renderJunit } from './junit.ts';
import { renderKcidb } from './kcidb/kcidb.ts';
import { renderMail } from './mail/mail.ts';
import { renderMarkdown } from './markdown.ts';
import { renderOpenmetrics } from './openmetrics.ts';
import { renderOtlp } from './otlp.ts';
import { renderPatchwork } from './patchwork.ts';
import { renderText } from './text.ts';

export type { Against, PageInput, RecordFolder } from './html/input.ts';
export { MAX_AGAINST } from './html/input.ts';
export type { Colors, ReportInput } from './input.ts';
export { renderJson, renderJunit, renderMarkdown, renderText };

/** Formats of text, which are ready at once. */
const renderers = {
  text: renderText,
  markdown: renderMarkdown,
  junit: renderJunit,
  json: renderJson,
  mail: renderMail,
  kcidb: renderKcidb,
  'github-summary': renderGithubSummary,
  'github-annotations': renderGithubAnnotations,
  openmetrics: renderOpenmetrics,
  patchwork: renderPatchwork,
  otlp: renderOtlp,
} satisfies Record<string, (input: ReportInput) => string>;

/** Formats whose libraries are loaded when they are first used: no other format waits for them. */
const pages = {
  html: async (input: ReportInput | PageInput) => (await import('./html/index.tsx')).renderHtml(input),
} satisfies Record<string, (input: PageInput) => Promise<string>>;

/** Name of a format of text. */
export type TextFormat = keyof typeof renderers;

/** Name of a report format. */
export type Format = TextFormat | keyof typeof pages;

/** Names of the formats of `ringlab report --format`. */
export const formats = [...Object.keys(renderers), ...Object.keys(pages)] as Format[];

const isPage = (format: Format): format is keyof typeof pages => format in pages;

/** Renders a run, with its comparison if the input has one. The text ends in a newline. */
export function render(format: TextFormat, input: ReportInput): string {
  return renderers[format](input);
}

/** As `render`, for every format. A page needs what only `PageInput` has for links to logs. */
export async function renderReport(format: Format, input: ReportInput | PageInput): Promise<string> {
  return isPage(format) ? pages[format](input) : render(format, input);
}
