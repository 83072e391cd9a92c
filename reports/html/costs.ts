import { max, min } from 'simple-statistics';
import type { MetricChange } from '../../lab/model/compare.ts';
import type { CellRecord } from '../../lab/model/run.ts';
import { type CellFinder, type Column, columnFinder, type Place } from './columns.ts';
import { splitFigure, type Workload, workloadOf } from './workload.ts';

/** A figure of both sides as the page shows it. Shares are of the base's figure. */
export interface Cost {
  place: Place;
  test: string;
  workload: Workload;
  base?: number;
  patched?: number;
  /** How the figure changed; absent where a side has none, or the base's is 0. */
  change?: number;
  /** The smallest and the largest change between any boot of the base and any of the patched kernel. No boot is left out. */
  interval?: readonly [number, number];
  /** The largest change that is none. */
  threshold?: number;
  verdict?: MetricChange['verdict'];
  /** Boots of each side, as far as the record has them. */
  boots: { base: number; patched: number };
}

/** Figures of one kind in one cell. */
export interface CostGroup {
  place: Place;
  figure: string;
  unit: string;
  better: MetricChange['better'];
  costs: Cost[];
}

/** Boots of each side below which an interval says little. */
export const ENOUGH_BOOTS = 3;

function costOf(row: MetricChange, place: Place, test: string): Cost {
  const { base, patched, verdict, threshold, boots } = row;
  const cost: Cost = {
    ...{ place, test, workload: workloadOf(test) },
    ...(base === undefined ? {} : { base }),
    ...(patched === undefined ? {} : { patched }),
    ...(verdict ? { verdict } : {}),
    boots: { base: boots?.base?.length ?? 0, patched: boots?.patched?.length ?? 0 },
  };
  if (base === undefined || patched === undefined || base === 0) return cost;
  const share = (difference: number) => difference / Math.abs(base);
  const [before, after] = [boots?.base, boots?.patched];
  return {
    ...cost,
    change: share(patched - base),
    ...(threshold === undefined ? {} : { threshold: share(threshold) }),
    ...(before?.length && after?.length
      ? { interval: [share(min(after) - max(before)), share(max(after) - min(before))] as const }
      : {}),
  };
}

/** All compared figures, in groups of one figure of one cell, in the order of the benchmark. */
export function costsOf(columns: readonly Column[], cells: CellFinder): CostGroup[] {
  const groups = new Map<string, CostGroup>();
  const names = new Map<CellRecord | undefined, ReadonlySet<string>>();
  const testsOf = (cell: CellRecord | undefined) => {
    const tests = names.get(cell) ?? new Set(cell?.tests.map(({ name }) => name));
    names.set(cell, tests);
    return tests;
  };
  for (const comparison of new Set(columns.flatMap((column) => column.comparison ?? []))) {
    const columnOf = columnFinder(columns, comparison);
    for (const row of comparison.metrics) {
      const column = columnOf(row);
      if (!column) continue;
      const place: Place = { column, guest: row.profile, suite: row.suite };
      const cell = cells.at(place, row.patched === undefined ? 'base' : 'patched');
      const { test, figure } = splitFigure(row.name, testsOf(cell));
      const key = JSON.stringify([column.index, row.cell, figure, row.unit, row.better]);
      const group = groups.get(key) ?? { place, figure, unit: row.unit, better: row.better, costs: [] };
      group.costs.push(costOf(row, place, test));
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** Changes of one direction: how many, their mean and the largest, as shares. */
export interface Direction {
  verdict: 'better' | 'worse';
  count: number;
  mean: number;
  most: number;
}

/** What the figures of a group say in each direction. */
export function directionsOf(costs: readonly Cost[]): Direction[] {
  return (['worse', 'better'] as const).flatMap((verdict) => {
    const changes = costs.flatMap((cost) =>
      cost.verdict === verdict && cost.change !== undefined ? [cost.change] : [],
    );
    if (changes.length === 0) return [];
    const most = changes.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length;
    return [{ verdict, count: changes.length, mean, most }];
  });
}

/** How far a change exceeds its threshold: 1 at the threshold. */
export function significanceOf({ change, threshold }: Cost): number {
  if (change === undefined) return 0;
  return threshold ? Math.abs(change) / threshold : change === 0 ? 0 : Number.POSITIVE_INFINITY;
}

/** Whether a figure changed, or is on one side only. */
export const isRelevant = ({ verdict }: Cost): boolean => verdict !== 'same';

/** The costs of a group that rest on too few boots. */
export const withFewBoots = (costs: readonly Cost[]): Cost[] =>
  costs.filter(({ boots }) => Math.min(boots.base, boots.patched) < ENOUGH_BOOTS);
