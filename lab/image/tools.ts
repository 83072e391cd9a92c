import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { InputError } from '../core/errors.ts';

/** Programs that making an image takes, and the Debian packages that have them. */
const TOOLS = [
  { command: 'apt-get', package: 'apt' },
  { command: 'apt-config', package: 'apt' },
  { command: 'dpkg-deb', package: 'dpkg' },
  { command: 'mkfs.erofs', package: 'erofs-utils' },
  { command: 'strip', package: 'binutils' },
  { command: 'readelf', package: 'binutils' },
  { command: 'gcc', package: 'gcc libc6-dev' },
];

/** Whether a program is in PATH. */
export async function isThere(command: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const looks = folders.map((folder) => access(join(folder, command), constants.X_OK));
  return Promise.any(looks).then(
    () => true,
    () => false,
  );
}

/** Throws one InputError with every tool that is missing and the command that brings it. */
export async function needTools(): Promise<void> {
  const there = await Promise.all(TOOLS.map(({ command }) => isThere(command)));
  const problems = TOOLS.filter((_, index) => !there[index]).map((tool) => ({
    what: `guest images need ${tool.command}`,
    fix: `apt-get install ${tool.package} (as root)`,
  }));
  if (problems.length > 0) throw new InputError(problems);
}
