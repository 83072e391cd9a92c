import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';
import { GuestProfile } from '../model/guest.ts';
import { check, parseYaml } from '../model/parse.ts';
import { MAX_PORTS } from './layout.ts';
import { profiles } from './profiles.ts';

const FIX = 'see images/README.md for an example, and lab/model/guest.ts for the fields of a guest';

/** A user's file: `guests:` maps a name to a profile, or to the differences from the profile that it `extend`s. */
const ProfilesFile = z
  .object({ guests: z.record(z.string(), z.looseObject({ extend: z.string().optional() })) })
  .strict();

type Subsystem = GuestProfile['nvme'][number];
type AddProblem = (path: string, what: string, expected: string) => void;

const hasDuplicate = (names: readonly string[]) => new Set(names).size < names.length;

/** Problems of one subsystem. `serials`: subsystem by serial number, of those before it. */
function checkSubsystem(
  { name, controllers, namespaces }: Subsystem,
  at: string,
  serials: Map<string, string>,
  add: AddProblem,
): void {
  const hotplug = controllers.some((controller) => controller.hotplug);
  for (const { serial } of controllers) {
    if (serial !== controllers[0]?.serial)
      add(`${at}.controllers`, `serials ${serial} and ${controllers[0]?.serial}`, 'one for all (QEMU)');
    if ((serials.get(serial) ?? name) !== name)
      add(`${at}.controllers`, `serial ${serial} is taken`, 'another');
    serials.set(serial, name);
  }
  if (controllers.length > 1 && !controllers.every((controller) => controller.hotplug))
    add(
      `${at}.controllers`,
      'several controllers, not all hotplug: tests could not tell them apart',
      'hotplug: true',
    );
  for (const { role, shared, zoned, sizeMiB } of namespaces) {
    if (!shared && hotplug)
      add(
        `${at}.namespaces`,
        `${role} is not shared and would disappear with its controller`,
        'shared: true',
      );
    if (zoned && sizeMiB % zoned.zoneSizeMiB !== 0)
      add(`${at}.namespaces`, `${role}: ${sizeMiB} MiB is not whole zones`, `n x ${zoned.zoneSizeMiB} MiB`);
  }
}

/** Problems that the schema cannot express, each with its place in the profile: what QEMU would refuse. */
export function profileProblems(profile: GuestProfile): Problem[] {
  const problems: Problem[] = [];
  const add: AddProblem = (path, what, expected) =>
    problems.push({ what: `${path}: ${what}`, where: `guest ${profile.name}`, expected, fix: FIX });
  const controllers = profile.nvme.flatMap((subsystem) => subsystem.controllers);
  if (profile.icount && profile.vcpus !== 1) add('vcpus', `${profile.vcpus} with icount`, '1');
  if (hasDuplicate(profile.nvme.map(({ name }) => name)))
    add('nvme', 'two subsystems of one name', 'names that differ');
  if (controllers.filter((controller) => controller.hotplug).length > MAX_PORTS)
    add('nvme', 'too many hot-plug controllers', `at most ${MAX_PORTS}`);
  const roles = profile.nvme.flatMap((subsystem) => subsystem.namespaces.map(({ role }) => role));
  if (hasDuplicate(roles)) add('nvme', 'two namespaces of one role', 'roles that differ');
  const serials = new Map<string, string>();
  for (const [index, subsystem] of profile.nvme.entries())
    checkSubsystem(subsystem, `nvme.${index}`, serials, add);
  return problems;
}

function resolve(
  name: string,
  entry: { extend?: string | undefined; [field: string]: unknown },
  earlier: ReadonlyMap<string, GuestProfile>,
  file: string,
): GuestProfile {
  const { extend, ...fields } = entry;
  const base: Partial<GuestProfile> | undefined = extend === undefined ? {} : earlier.get(extend);
  if (base === undefined) {
    const expected = `one of ${[...earlier.keys()].join(', ')}`;
    throw new InputError({ what: `extend: no guest ${extend}`, where: `${file}: guests.${name}`, expected });
  }
  const newFacts = z.record(z.string(), z.unknown()).safeParse(fields.facts ?? {});
  const facts = newFacts.success ? { ...base.facts, ...newFacts.data } : fields.facts;
  return check(GuestProfile, { ...base, ...fields, facts, name }, `${file}: guests.${name}`, FIX);
}

/**
 * The built-in profiles and those of a user's YAML file, by name. A profile may `extend` any before it: each field that it has
 * replaces the other's, except that `facts` are merged. Throws one InputError with every problem of the file.
 */
export async function loadProfiles(file?: string): Promise<ReadonlyMap<string, GuestProfile>> {
  const all = new Map(Object.entries(profiles));
  if (file === undefined) return all;
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError({ what: 'cannot read the file of guest profiles', where: file }, { cause });
  });
  const problems: Problem[] = [];
  for (const [name, entry] of Object.entries(parseYaml(ProfilesFile, text, file, FIX).guests)) {
    try {
      const profile = resolve(name, entry, all, file);
      problems.push(...profileProblems(profile));
      all.set(name, profile);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return all;
}
