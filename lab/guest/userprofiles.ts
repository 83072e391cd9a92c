import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';
import { expectedNames } from '../core/near.ts';
import { GuestProfile } from '../model/guest.ts';
import { checkAt, type PlaceOf, readYaml } from '../model/parse.ts';
import { FIX, profileProblems } from './profile-problems.ts';
import { profiles } from './profiles.ts';

/** A user's file: `guests:` maps a name to a profile, or to the differences from the profile that it `extend`s. */
const ProfilesFile = z
  .object({ guests: z.record(z.string(), z.looseObject({ extend: z.string().optional() })) })
  .strict();

/** An entry of a user's file: a profile, or its differences from the one that it extends. */
type Entry = z.infer<typeof ProfilesFile>['guests'][string];

/** The profiles of a file, resolved on demand: an entry may extend one that follows it. */
class Resolver {
  readonly all: Map<string, GuestProfile>;
  readonly problems: Problem[] = [];
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #placeOf: PlaceOf;
  /** Names of entries that are wrong. */
  readonly #failed = new Set<string>();

  constructor(entries: ReadonlyMap<string, Entry>, placeOf: PlaceOf) {
    this.#entries = entries;
    this.#placeOf = placeOf;
    this.all = new Map([...Object.entries(profiles)].filter(([name]) => !entries.has(name)));
  }

  /** The profile of a name; undefined when it is wrong, with its problems noted. `above`: names of the entries that extend it. */
  resolve(name: string, above: readonly string[] = []): GuestProfile | undefined {
    const entry = this.#entries.get(name);
    const existing = this.all.get(name);
    if (existing || !entry || this.#failed.has(name)) return existing;
    const before = this.problems.length;
    const base = this.#baseOf(name, entry, above);
    const profile = base && this.#checked(name, entry, base);
    if (profile && this.problems.length === before) this.all.set(name, profile);
    else this.#failed.add(name);
    return this.all.get(name);
  }

  /** What an entry extends: nothing, one of this file, or a built-in profile, which an entry of its name replaces. */
  #baseOf(name: string, { extend }: Entry, above: readonly string[]): Partial<GuestProfile> | undefined {
    if (extend === undefined) return {};
    const chain = [...above, name];
    const builtIn = profiles[extend];
    if (extend === name && builtIn) return builtIn;
    if (chain.includes(extend)) {
      const circle = [...chain.slice(chain.indexOf(extend)), extend].join(' -> ');
      this.#add(
        name,
        ['extend'],
        `guests extend one another in a circle: ${circle}`,
        'a guest that does not lead back',
      );
      return undefined;
    }
    if (!this.#entries.has(extend) && !builtIn) {
      const names = [...this.#entries.keys(), ...Object.keys(profiles)].filter((each) => each !== name);
      this.#add(
        name,
        ['extend'],
        `there is no guest "${extend}"`,
        expectedNames(extend, [...new Set(names)]),
      );
      return undefined;
    }
    // The problems of a wrong one are its own.
    return this.resolve(extend, chain);
  }

  #checked(
    name: string,
    { extend: _extend, ...fields }: Entry,
    base: Partial<GuestProfile>,
  ): GuestProfile | undefined {
    const placeOf: PlaceOf = (path) => this.#placeOf(['guests', name, ...path]);
    const newFacts = z.record(z.string(), z.unknown()).safeParse(fields.facts ?? {});
    const facts = newFacts.success ? { ...base.facts, ...newFacts.data } : fields.facts;
    try {
      const profile = checkAt(GuestProfile, { ...base, ...fields, facts, name }, placeOf, FIX);
      this.problems.push(...profileProblems(profile, placeOf));
      return profile;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.problems.push(
        ...error.problems.map((problem) => ({ ...problem, what: `guest ${name}: ${problem.what}` })),
      );
      return undefined;
    }
  }

  #add(name: string, path: readonly string[], what: string, expected: string): void {
    const where = this.#placeOf(['guests', name, ...path]);
    this.problems.push({ what: `guest ${name}: ${path.join('.')}: ${what}`, where, expected, fix: FIX });
  }
}

/**
 * The built-in profiles and those of a user's YAML file, by name. A profile may `extend` any other: each field that it has replaces the
 * other's, except that `facts` are merged. Throws one InputError with every problem of the file, each at its `file:line:column`.
 */
export async function loadProfiles(file?: string): Promise<ReadonlyMap<string, GuestProfile>> {
  if (file === undefined) return new Map(Object.entries(profiles));
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError(
      { what: 'cannot read the file of guest profiles', where: file, fix: FIX },
      { cause },
    );
  });
  const { value, placeOf } = readYaml(text, file, FIX);
  const { guests } = checkAt(ProfilesFile, value, placeOf, FIX);
  const resolver = new Resolver(new Map(Object.entries(guests)), placeOf);
  for (const name of Object.keys(guests)) resolver.resolve(name);
  if (resolver.problems.length > 0) throw new InputError(resolver.problems);
  return resolver.all;
}
