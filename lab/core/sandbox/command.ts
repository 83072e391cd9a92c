import { LabError } from '../errors.ts';
import { findProgram } from '../program.ts';
import { type SandboxAccess, SYSTEM_PATH } from './access.ts';
import { bubblewrapArgs } from './allow.ts';
import { type Counter, findCounter } from './cgroup.ts';
import { systemCallFilter } from './filter.ts';
import { innerLimits, limitsOf, outerLimits } from './limits.ts';
import { overlayPrefix } from './overlay.ts';
import { supervisedArgs, supervisor } from './supervise.ts';

/** bubblewrap in the user's PATH. Throws LabError when it is not installed. */
function findBubblewrap(): string {
  const path = findProgram('bwrap', { env: { PATH: process.env.PATH ?? SYSTEM_PATH } });
  if (path === undefined) throw new LabError('bwrap: command not found');
  return path;
}

/** `env -i` in front: what bubblewrap itself has in its environment could be read through /proc. systemd-run needs its bus. */
function cleanEnvironment(): string[] {
  const names = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];
  const kept = names.flatMap((name) =>
    process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`],
  );
  return ['/usr/bin/env', '-i', `PATH=${SYSTEM_PATH}`, ...kept];
}

/**
 * What goes before the command inside: the working folder and its limits. bubblewrap does not change to the folder, because code of
 * an earlier sandbox may have made it inaccessible, which is then the fault of that code.
 */
const inFolder = (cwd: string) => ['/usr/bin/env', `--chdir=${cwd}`, `PWD=${cwd}`];

/**
 * The command line that runs `command` in the sandbox, whether or not that works here: limits, supervisor, overlays, bubblewrap. `filter` is
 * that of system calls, `countedBy` replaces what counts memory and processes here; null: nothing. Throws LabError when bubblewrap is not installed.
 */
export async function sandboxCommand(
  command: readonly string[],
  access: SandboxAccess,
  filter = systemCallFilter(),
  countedBy?: Counter | null,
): Promise<string[]> {
  const bubblewrap = findBubblewrap();
  const counter = countedBy === undefined ? await findCounter() : (countedBy ?? undefined);
  const limits = limitsOf(access);
  return [
    ...cleanEnvironment(),
    ...outerLimits(counter, limits),
    ...['/usr/bin/env', '-i', `PATH=${SYSTEM_PATH}`],
    ...supervisor(counter, limits, filter),
    ...overlayPrefix(access.overlays),
    bubblewrap,
    ...supervisedArgs(filter),
    ...bubblewrapArgs(access, limits, SYSTEM_PATH),
    ...inFolder(access.cwd),
    ...innerLimits(counter, access),
    ...command,
  ];
}
