import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../errors.ts';
import { type SandboxAccess, SYSTEM_PATH } from './access.ts';
import { bubblewrapArgs } from './allow.ts';
import { findCounter } from './cgroup.ts';
import { innerLimits, limitsOf, outerLimits } from './limits.ts';
import { overlayPrefix } from './overlay.ts';

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** bubblewrap in the user's PATH. Throws LabError when it is not installed. */
function findBubblewrap(): string {
  const folders = (process.env.PATH ?? SYSTEM_PATH).split(':').filter((folder) => folder !== '');
  const path = folders.map((folder) => join(folder, 'bwrap')).find(isProgram);
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
 * The command line that runs `command` in the sandbox, whether or not that works here: limits, overlays, bubblewrap. Throws LabError
 * when bubblewrap is not installed.
 */
export async function sandboxCommand(command: readonly string[], access: SandboxAccess): Promise<string[]> {
  const bubblewrap = findBubblewrap();
  const counter = await findCounter();
  const limits = limitsOf(access);
  return [
    ...cleanEnvironment(),
    ...outerLimits(counter, limits),
    ...['/usr/bin/env', '-i', `PATH=${SYSTEM_PATH}`],
    ...overlayPrefix(access.overlays),
    bubblewrap,
    ...bubblewrapArgs(access, limits, SYSTEM_PATH),
    ...innerLimits(counter, access),
    ...command,
  ];
}
