import { parse } from 'yaml';
import { z } from 'zod';
import { Metric, type TestResult } from '../model/result.ts';

/** What the agent writes into a test's YAML (suites/agent/tap.ts). */
const Figures = z.object({ metrics: z.array(Metric.omit({ spread: true })) });

const slug = (name: string) => name.replace(/[^A-Za-z0-9.]+/g, '-');

function figuresOf({ name, detail }: TestResult): Metric[] {
  // Other programs' diagnostics need not be YAML, nor ours.
  if (!detail?.includes('metrics:')) return [];
  try {
    const { success, data } = Figures.safeParse(parse(detail));
    return success ? data.metrics.map((one) => ({ ...one, name: `${slug(name)}.${one.name}` })) : [];
  } catch {
    return [];
  }
}

/** The figures of a cell's tests that passed, named `<test>.<figure>`. A test that failed has measured something else. */
export function metricsOf(tests: readonly TestResult[]): Metric[] {
  return tests.filter(({ verdict }) => verdict === 'pass').flatMap(figuresOf);
}
