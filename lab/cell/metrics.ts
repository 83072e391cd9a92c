import type { Metric, TestResult } from '../model/result.ts';

/** `read 4k depth 1` -> `read-4k-depth-1`. */
const slug = (name: string) => name.replace(/[^A-Za-z0-9.]+/g, '-');

/** The metrics of a cell, named `<test>.<metric>`: of tests that passed, since a test that failed measured something else. */
export function metricsOf(tests: readonly TestResult[]): Metric[] {
  return tests
    .filter(({ verdict }) => verdict === 'pass')
    .flatMap(({ name, metrics = [] }) =>
      metrics.map((metric) => ({ ...metric, name: `${slug(name)}.${metric.name}` })),
    );
}
