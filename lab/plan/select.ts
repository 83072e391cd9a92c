import { join } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { expectedNames } from '../core/near.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { Plan } from '../model/plan.ts';
import type { Suite } from '../model/suite.ts';
import type { PlanRequest } from './request.ts';

/** A problem for each name that is unknown; `option`: where the names come from, e.g. `--suite`; `fixes`: by name. */
function unknownNames<T>(
  known: ReadonlyMap<string, T>,
  names: readonly string[],
  option: string,
  fixes?: ReadonlyMap<string, string>,
): Problem[] {
  const unknown = names.filter((name) => !known.has(name));
  return unknown.map((name) => {
    const fix = fixes?.get(name);
    const expected = expectedNames(name, [...known.keys()]);
    return { what: `unknown name "${name}"`, where: option, expected, ...(fix ? { fix } : {}) };
  });
}

const pick = <T>(known: ReadonlyMap<string, T>, names: readonly string[]): T[] =>
  names.flatMap((name) => known.get(name) ?? []);

/** Names of guests in a suite.yaml that no profile has, where the suite decides which guests it runs on. */
function unknownGuests(suites: readonly Suite[], profiles: ReadonlyMap<string, GuestProfile>): Problem[] {
  return suites.flatMap(({ dir, name, guests }) =>
    unknownNames(profiles, guests, join(dir, 'suite.yaml')).map(({ what, ...problem }) => ({
      ...problem,
      what: `guests: ${what}`,
      fix: `name a guest that exists, give a file with it (--guests-file), or choose where ${name} runs (--guest)`,
    })),
  );
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
 * for. Each name counts once. Throws one InputError with every unknown name, and for guests on which none of the suites runs.
 */
export function selectPairs(
  request: PlanRequest,
  profiles: ReadonlyMap<string, GuestProfile>,
  allSuites: ReadonlyMap<string, Suite>,
): Plan['pairs'] {
  const suiteNames = suiteNamesOf(request, allSuites.values());
  const suites = pick(allSuites, suiteNames);
  const chosen = request.guests.length > 0 ? request.guests : request.seriesDefaults?.guests;
  const guestNames = [...new Set(chosen ?? suites.flatMap((suite) => suite.guests))];
  const problems = [
    ...unknownNames(allSuites, suiteNames, '--suite', request.suiteFixes),
    ...(chosen ? unknownNames(profiles, guestNames, '--guest') : unknownGuests(suites, profiles)),
  ];
  if (problems.length > 0) throw new InputError(problems);
  return pairUp(pick(profiles, guestNames), suites, allSuites.values(), request.guests.length > 0);
}
