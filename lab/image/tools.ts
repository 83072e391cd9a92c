import { InputError } from '../core/errors.ts';
import { findProgram } from '../core/program.ts';

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

/** Throws one InputError with every missing tool and the command that installs it. */
export function checkTools(): void {
  const missing = TOOLS.filter(({ command }) => findProgram(command) === undefined);
  const problems = missing.map((tool) => ({
    what: `guest images need ${tool.command}`,
    fix: `apt-get install ${tool.package} (as root)`,
  }));
  if (problems.length > 0) throw new InputError(problems);
}
