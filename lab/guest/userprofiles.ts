import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';
import { GuestProfile } from '../model/guest.ts';
import { check, parseYaml } from '../model/parse.ts';
import { MAX_PORTS } from './layout.ts';
import { profiles } from './profiles.ts';

const FIX = 'see `ringlab shell --help` and the built-in profiles for what a guest may have';

/** A user's file: `guests:` maps a name to a profile, or to what differs from the one that it `extend`s. */
const ProfilesFile = z
  .object({ guests: z.record(z.string(), z.looseObject({ extend: z.string().optional() })) })
  .strict();

/** What the schema cannot say: what QEMU will not have, each with its place in the profile. */
export function profileProblems(profile: GuestProfile): Problem[] {
  const problems: Problem[] = [];
  const bad = (path: string, what: string, expected: string) =>
    problems.push({ what: `${path}: ${what}`, where: `guest ${profile.name}`, expected, fix: FIX });
  const controllers = profile.nvme.flatMap((subsystem) => subsystem.controllers);
  if (profile.icount && profile.vcpus !== 1) bad('vcpus', `${profile.vcpus} with icount`, '1');
  if (new Set(profile.nvme.map((s) => s.name)).size < profile.nvme.length)
    bad('nvme', 'two subsystems of one name', 'names that differ');
  if (controllers.filter((controller) => controller.hotplug).length > MAX_PORTS)
    bad('nvme', 'too many hot-plug controllers', `at most ${MAX_PORTS}`);
  const roles = profile.nvme.flatMap((subsystem) => subsystem.namespaces.map(({ role }) => role));
  if (new Set(roles).size < roles.length) bad('nvme', 'two namespaces of one role', 'roles that differ');
  const serials = new Map<string, string>();
  for (const [index, { name, controllers, namespaces }] of profile.nvme.entries()) {
    const at = `nvme.${index}`;
    for (const { serial } of controllers) {
      if (serial !== controllers[0]?.serial)
        bad(`${at}.controllers`, `serials ${serial} and ${controllers[0]?.serial}`, 'one for all (QEMU)');
      if ((serials.get(serial) ?? name) !== name)
        bad(`${at}.controllers`, `serial ${serial} is taken`, 'another');
      serials.set(serial, name);
    }
    if (controllers.length > 1 && controllers.some((controller) => !controller.hotplug))
      bad(
        `${at}.controllers`,
        'several controllers, not all hotplug: nothing tells them apart',
        'hotplug: true',
      );
    for (const { role, shared, zoned, sizeMiB } of namespaces) {
      if (!shared && controllers.some((controller) => controller.hotplug))
        bad(`${at}.namespaces`, `${role} is not shared and would go with its controller`, 'shared: true');
      if (zoned && sizeMiB % zoned.zoneSizeMiB !== 0)
        bad(`${at}.namespaces`, `${role}: ${sizeMiB} MiB is not whole zones`, `n x ${zoned.zoneSizeMiB} MiB`);
    }
  }
  return problems;
}

function resolve(
  name: string,
  entry: { extend?: string | undefined; [field: string]: unknown },
  known: ReadonlyMap<string, GuestProfile>,
  file: string,
): GuestProfile {
  const { extend, ...own } = entry;
  const base: Partial<GuestProfile> | undefined = extend === undefined ? {} : known.get(extend);
  if (base === undefined) {
    const expected = `one of ${[...known.keys()].join(', ')}`;
    throw new InputError({ what: `extend: no guest ${extend}`, where: `${file}: guests.${name}`, expected });
  }
  const ownFacts = z.record(z.string(), z.unknown()).safeParse(own.facts ?? {});
  const facts = ownFacts.success ? { ...base.facts, ...ownFacts.data } : own.facts;
  return check(GuestProfile, { ...base, ...own, facts, name }, `${file}: guests.${name}`, FIX);
}

/**
 * The built-in profiles and those of a user's YAML file, by name; a user's may `extend` any before it and then replaces whole
 * fields (`facts` are merged). Throws one InputError with every problem of the file.
 */
export async function loadProfiles(file?: string): Promise<ReadonlyMap<string, GuestProfile>> {
  const known = new Map(Object.entries(profiles));
  if (file === undefined) return known;
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError({ what: 'cannot read the file of guest profiles', where: file }, { cause });
  });
  const problems: Problem[] = [];
  for (const [name, entry] of Object.entries(parseYaml(ProfilesFile, text, file, FIX).guests)) {
    try {
      const profile = resolve(name, entry, known, file);
      problems.push(...profileProblems(profile));
      known.set(name, profile);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return known;
}
