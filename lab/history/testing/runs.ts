import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cell, kernel, record } from '../../compare/testing/records.ts';
import type { CellRecord, KernelRecord, RunRecord } from '../../model/run.ts';
import type { Series } from '../../model/series.ts';
import type { Verdict } from '../../model/verdict.ts';
import { writeRecord } from '../../record/record.ts';
import { writeSeries } from '../../record/series-file.ts';

/** When run `number` began: one a day. */
export const startOf = (number: number): string => new Date(Date.UTC(2026, 0, 1 + number, 2)).toISOString();

/** Id of run `number`. */
export const idOf = (number: number): string => `run-${String(number).padStart(2, '0')}`;

/** What differs from run to run. */
export interface RunSketch {
  /** Verdicts of plain/passthrough on the base, by test name. */
  base?: Record<string, Verdict>;
  /** The same on the patched kernel; absent: there is none. */
  patched?: Record<string, Verdict>;
  /** Values of the metrics of the kernel under test, lower is better. */
  metrics?: Record<string, number>;
  baseKey?: string;
  patchedKey?: string;
  payload?: string;
  series?: Series;
  more?: Partial<RunRecord>;
}

const withKey = (each: KernelRecord, key: string | undefined): KernelRecord =>
  key === undefined ? each : { ...each, key };

const metricsOf = (values: Record<string, number>): CellRecord['metrics'] =>
  Object.entries(values).map(([name, value]) => ({ name, value, unit: 'instructions', better: 'lower' }));

/** The record of run `number`. */
export function recordOf(number: number, sketch: RunSketch): RunRecord {
  const { base, patched, metrics = {}, payload, series, more } = sketch;
  const cells = [
    ...(base ? [cell('base', base, patched ? {} : { metrics: metricsOf(metrics) })] : []),
    ...(patched ? [cell('patched', patched, { metrics: metricsOf(metrics) })] : []),
  ];
  return record(cells, {
    ...{ id: idOf(number), startedAt: startOf(number) },
    kernels: [
      withKey(kernel('base', 'debian-6.12'), sketch.baseKey),
      ...(patched ? [withKey(kernel('patched', 'debian-6.12+x'), sketch.patchedKey)] : []),
    ],
    suites: [{ id: 'passthrough', ...(payload === undefined ? {} : { payload }) }],
    ...(series
      ? {
          series: {
            ...{ id: series.id, name: series.name, title: series.title },
            patches: series.patches.map(({ subject }) => subject),
          },
        }
      : {}),
    ...more,
  });
}

/** Writes the folder of run `number` below `runsDir`, as `ringlab run` leaves it. Returns the folder. */
export async function writeRun(runsDir: string, number: number, sketch: RunSketch): Promise<string> {
  const folder = join(runsDir, idOf(number));
  mkdirSync(folder, { recursive: true });
  await writeRecord(folder, recordOf(number, sketch));
  if (sketch.series) await writeSeries(folder, sketch.series);
  return folder;
}
