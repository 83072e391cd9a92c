import { oneLine } from './escape.ts';
import { type Finding, findingsOf } from './findings.ts';
import type { ReportInput } from './input.ts';

/** Annotations that GitHub shows of one step; further ones of the step are dropped silently. */
const MOST = 10;

/** Text as the data of a workflow command: a `%`, CR or LF would be read as an escape or end the command. */
const data = (text: string, width: number) =>
  oneLine(text, width).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

/** Text as a property, which a comma or colon would end besides. */
const property = (text: string) => data(text, 200).replaceAll(':', '%3A').replaceAll(',', '%2C');

const command = ({ level, title, message }: Finding) =>
  `::${level} title=${property(title)}::${data(message, 1000)}`;

/**
 * Workflow commands of GitHub Actions, one a line, for the standard output of a step: at most ten annotations, errors first. Where there
 * are more, the tenth says how many are left out. Empty for a run without findings.
 */
export function renderGithubAnnotations(input: ReportInput): string {
  const findings = findingsOf(input);
  const left = findings.length - MOST + 1;
  const shown = findings.length <= MOST ? findings : findings.slice(0, MOST - 1);
  const more: Finding[] =
    findings.length <= MOST
      ? []
      : [
          {
            level: findings[MOST - 1]?.level ?? 'warning',
            ...{ title: `${left} more findings`, message: 'the step summary and the run record have all' },
          },
        ];
  return [...shown, ...more].map((finding) => `${command(finding)}\n`).join('');
}
