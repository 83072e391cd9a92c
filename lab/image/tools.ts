import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { InputError } from '../core/errors.ts';

/** Programs that make an image, and their Debian packages. */
const TOOLS = [
  { command: 'bash', package: 'bash' },
  { command: 'apt-get', package: 'apt' },
  { command: 'apt-config', package: 'apt' },
  { command: 'dpkg-deb', package: 'dpkg' },
  { command: 'mkfs.erofs', package: 'erofs-utils' },
  { command: 'strip', package: 'binutils' },
  { command: 'readelf', package: 'binutils' },
  { command: 'gcc', package: 'gcc libc6-dev' },
];

/** Whether a program is in PATH. */
export async function isInstalled(command: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const attempts = folders.map((folder) => access(join(folder, command), constants.X_OK));
  return Promise.any(attempts).then(
    () => true,
    () => false,
  );
}

/** Throws one InputError with every missing tool and the command that installs it. */
export async function checkTools(): Promise<void> {
  const installed = await Promise.all(TOOLS.map(({ command }) => isInstalled(command)));
  const problems = TOOLS.filter((_, index) => !installed[index]).map((tool) => ({
    what: `guest images need ${tool.command}`,
    fix: `apt-get install ${tool.package} (as root)`,
  }));
  if (problems.length > 0) throw new InputError(problems);
}
