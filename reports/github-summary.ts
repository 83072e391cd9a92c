import { markdown as md, oneLine } from './escape.ts';
import type { ReportInput } from './input.ts';
import { type Extent, markdownOf } from './markdown.ts';
import { unprovenLines } from './unproven.ts';
import { summaryOf } from './view.ts';

/** Bytes that GitHub takes of one step: 1 MiB. It refuses a longer summary as a whole. */
const LIMIT = 1 << 20;

/** What is left out first when a report is too long: evidence, then rows. */
const EXTENTS: readonly Extent[] = [
  { lines: 200, rows: Number.POSITIVE_INFINITY },
  { lines: 40, rows: 1000 },
  { lines: 10, rows: 200 },
  { lines: 0, rows: 200 },
  { lines: 0, rows: 20 },
];

/** What a summary says of a report that is too long in every extent, which only hostile names are. */
const shortest = (input: ReportInput): string =>
  [...unprovenLines(input).map((line) => `**Unproven:** ${md(line)}`), `**${md(summaryOf(input))}**`, '']
    .join('\n\n')
    .slice(0, LIMIT / 8);

/** An address as a link: its characters need no escapes, which would become a part of it. */
const linked = (url: string) => `<${oneLine(url).replace(/[<>\s]/g, '')}>`;

/**
 * Markdown for the step summary of GitHub Actions, less than 1 MiB. Where the whole report is longer, evidence and rows are left out,
 * and the end says so, with the address of the record if it has one.
 */
export function renderGithubSummary(input: ReportInput): string {
  const { url } = input;
  const where = url === undefined ? 'the run record has it' : `it is at ${linked(url)}`;
  const note = `\n*A part of the evidence is left out here: ${where}.*\n`;
  const link = url === undefined ? '' : `\nThe record and its logs: ${linked(url)}\n`;
  for (const [index, extent] of EXTENTS.entries()) {
    const text = `${markdownOf(input, extent)}${index === 0 ? link : note}`;
    if (Buffer.byteLength(text) < LIMIT) return text;
  }
  return `${shortest(input)}${note}`;
}
