import type { Problem } from '../core/errors.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { PlaceOf } from '../model/parse.ts';
import { MAX_PORTS } from './layout.ts';

/** How to find what a profile may have. */
export const FIX =
  'see images/README.md for an example and the fields, and `ringlab guest show NAME` for a whole guest';

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

/** Problems that the schema cannot express: what QEMU would refuse. `placeOf` gives the place of a field of the profile. */
export function profileProblems(profile: GuestProfile, placeOf: PlaceOf = () => profile.name): Problem[] {
  const problems: Problem[] = [];
  const add: AddProblem = (path, what, expected) => {
    const where = placeOf(path.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key)));
    problems.push({ what: `guest ${profile.name}: ${path}: ${what}`, where, expected, fix: FIX });
  };
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
