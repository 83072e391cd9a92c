import { InputError } from '../core/errors.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Plan } from '../model/plan.ts';
import type { Suite } from '../model/suite.ts';
import type { PlanRequest } from './request.ts';

/** Looks names up. Throws one InputError with every unknown name; `option`: where the names come from, e.g. `--suite`. */
function pick<T>(known: ReadonlyMap<string, T>, names: readonly string[], option: string): T[] {
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new InputError(
      unknown.map((name) => ({
        what: `unknown name "${name}"`,
        where: option,
        expected: `one of ${[...known.keys()].join(', ')}`,
      })),
    );
  }
  return names.flatMap((name) => known.get(name) ?? []);
}

function suiteNamesOf(request: PlanRequest, allSuites: Iterable<Suite>): string[] {
  if (request.suites.length > 0) return [...new Set(request.suites)];
  const defaults = [...allSuites].flatMap((suite) => (suite.onRequest ? [] : suite.name));
  return request.seriesDefaults?.suites ?? defaults;
}

/**
 * The guest x suite pairs: a suite runs on the guests it is written for, narrowed to those asked for. A guest asked for
 * that no suite names (a user's own profile) runs every suite: suites skip what a guest cannot do.
 */
function pairUp(
  profiles: GuestProfile[],
  suites: Suite[],
  allSuites: Iterable<Suite>,
  narrowed: boolean,
): Plan['pairs'] {
  const named = new Set([...allSuites].flatMap((suite) => suite.guests));
  const pairs = suites.flatMap((suite) =>
    profiles
      .filter(({ name }) => suite.guests.includes(name) || (narrowed && !named.has(name)))
      .map((profile) => ({ profile, suite })),
  );
  if (pairs.length > 0) return pairs;
  throw new InputError({
    what: `no suite of ${suites.map((suite) => suite.name).join(', ')} runs on ${profiles.map(({ name }) => name).join(', ')}`,
    where: '--guest/--suite',
    expected: suites.map((suite) => `${suite.name} on ${suite.guests.join(', ')}`).join('; '),
  });
}

/**
 * The guest x suite pairs of a request, by names: its own, else those of its series, else every suite and the guests that it is written
 * for. Throws InputError for unknown names, and for guests on which none of the suites runs.
 */
export function selectPairs(
  request: PlanRequest,
  profiles: ReadonlyMap<string, GuestProfile>,
  allSuites: ReadonlyMap<string, Suite>,
): Plan['pairs'] {
  const suites = pick(allSuites, suiteNamesOf(request, allSuites.values()), '--suite');
  const suitable = suites.flatMap((suite) => suite.guests).filter((name) => profiles.has(name));
  const guestNames =
    request.guests.length > 0 ? request.guests : (request.seriesDefaults?.guests ?? suitable);
  const guests = pick(profiles, [...new Set(guestNames)], '--guest');
  return pairUp(guests, suites, allSuites.values(), request.guests.length > 0);
}
