import { InputError } from '../core/errors.ts';
import type { Series } from '../model/series.ts';
import { seriesId } from './assemble.ts';

/**
 * The series up to its `count`-th patch, as `<name>-<count>`: one step of a series, to be built or run without the later ones. Its
 * dependency (`needs`) is kept. Throws InputError when the series does not have so many patches.
 */
export function firstPatches(series: Series, count: number): Series {
  const patches = series.patches.slice(0, count);
  const last = patches.at(-1);
  if (!last || patches.length !== count)
    throw new InputError({
      what: `${series.name} has no first ${count} patches`,
      expected: `a whole number from 1 to ${series.patches.length}`,
    });
  return {
    ...series,
    ...{ id: seriesId(patches), name: `${series.name}-${count}`, announced: last.number, patches },
    missing: series.missing.filter((number) => number < last.number),
    foreign: series.foreign.filter(({ patch }) => patch.number < last.number),
  };
}
