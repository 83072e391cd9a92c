import { InputError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';
import type { LoadedSeries } from './import.ts';
import { NAME } from './name.ts';
import { findSeries, ownSeriesIds } from './store.ts';

/** Name of the source that a stack applies to: the `base` of its last series that has a series.yaml. */
export const baseOf = (stack: readonly LoadedSeries[]): string | undefined =>
  stack.findLast(({ info }) => info !== undefined)?.info?.base;

/**
 * The series with another one as its dependency, by name. Throws InputError when there is no series of that name, or when that one
 * depends on this one.
 */
export async function withNeeds(
  series: Series,
  needs: string,
  ctx: StageContext,
  ownDir?: string,
): Promise<Series> {
  const where = '--needs';
  // Not by path: a relative one would name another file when used from another folder.
  if (!NAME.test(needs))
    throw new InputError({
      what: `"${needs}" is not a name`,
      where,
      expected: 'one of `ringlab series list`',
    });
  const stack = await resolveStack(needs, ctx, ownDir);
  if (stack.some(({ series: { name } }) => name === series.name))
    throw new InputError({
      what: `${needs} needs ${series.name} itself`,
      where,
      fix: 'give it another --name',
    });
  return { ...series, needs };
}

/** Whether every series of a stack is one of this project, whatever its name and wherever it was read from. */
export async function isOwnStack(
  stack: readonly Series[],
  ctx: StageContext,
  ownDir?: string,
): Promise<boolean> {
  if (stack.length === 0) return false;
  const own = await ownSeriesIds(ctx, ownDir);
  return stack.every(({ id }) => own.includes(id));
}

/**
 * A series after everything that it needs, in the order of application. `repo` as for `findSeries`. Throws InputError as `findSeries`,
 * and for a circle.
 */
export async function resolveStack(
  nameOrPath: string,
  ctx: StageContext,
  ownDir?: string,
  repo?: string,
): Promise<LoadedSeries[]> {
  const stack: LoadedSeries[] = [];
  const names: string[] = [];
  for (let next: string | undefined = nameOrPath; next !== undefined; ) {
    if (names.includes(next)) {
      throw new InputError({ what: `series need one another in a circle: ${[...names, next].join(' -> ')}` });
    }
    names.push(next);
    const loaded: LoadedSeries = await findSeries(next, ctx, ownDir, repo);
    stack.unshift(loaded);
    next = loaded.info?.needs ?? loaded.series.needs;
  }
  return stack;
}
