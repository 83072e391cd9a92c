import { type CellRecord, kernelOf, type RunRecord } from '../lab/model/run.ts';
import { Verdict } from '../lab/model/verdict.ts';
import { oneLine } from './escape.ts';
import type { ReportInput } from './input.ts';

/** A sample: labels and value. */
type Sample = [labels: Readonly<Record<string, string>>, value: number];

/**
 * A label's value. GitLab drops what follows a `#`, also inside of quotes, so that metrics would run into one another: it becomes
 * `%23`.
 */
const labelValue = (text: string) =>
  oneLine(text, 500)
    .replaceAll('%', '%25')
    .replaceAll('#', '%23')
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"');

const labelsOf = (labels: Sample[0]) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${labelValue(value)}"`)
    .join(',');

/** A family of gauges; nothing without samples. A repeated set of labels would make the whole text invalid: the first counts. */
function family(name: string, help: string, samples: readonly Sample[]): string[] {
  if (samples.length === 0) return [];
  const lines = new Map<string, number>();
  for (const [labels, value] of samples) {
    const key = `${name}{${labelsOf(labels)}}`;
    if (!lines.has(key)) lines.set(key, value);
  }
  return [
    `# TYPE ${name} gauge`,
    `# HELP ${name} ${help}`,
    ...[...lines].map(([key, value]) => `${key} ${value}`),
  ];
}

const placeOf = (record: RunRecord, cell: CellRecord) => ({
  ...{ kernel: kernelOf(record, cell).name, guest: cell.profile, suite: cell.suite },
});

/**
 * OpenMetrics 1.0: tests by verdict, kernel complaints and figures of each cell. No times: GitLab lists every value that differs from
 * the target branch, and no time is ever the same.
 */
export function renderOpenmetrics({ record }: ReportInput): string {
  const counts = record.cells.flatMap((cell) =>
    Verdict.options.map((verdict): Sample => {
      const tests = cell.tests.filter((test) => test.verdict === verdict);
      return [{ ...placeOf(record, cell), verdict }, tests.length];
    }),
  );
  const broken = record.cells.map((cell): Sample => [placeOf(record, cell), cell.verdict === 'done' ? 0 : 1]);
  const complaints = record.cells.map(
    (cell): Sample => [placeOf(record, cell), cell.complaints.filter(({ fatal }) => fatal).length],
  );
  const warnings = record.kernels.map(({ name, warnings: all }): Sample => [{ kernel: name }, all.length]);
  const figures = record.cells.flatMap((cell) =>
    cell.metrics.map(
      ({ name, unit, value }): Sample => [{ ...placeOf(record, cell), figure: name, unit }, value],
    ),
  );
  return `${[
    ...family('ringlab_tests', 'Tests of a cell, by verdict.', counts),
    ...family('ringlab_cell_broken', 'Whether a cell did not run to its end.', broken),
    ...family('ringlab_complaints', 'Fatal reports of the kernel about itself.', complaints),
    ...family('ringlab_compiler_warnings', 'Compiler warnings of a kernel.', warnings),
    ...family('ringlab_figure', 'A measured figure, in the unit of its label.', figures),
    '# EOF',
  ].join('\n')}\n`;
}
