import { required as packages } from '../../setup/packages.mjs';
import { type Arch, hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import { type Finding, install } from './finding.ts';
import { probe, versionIn } from './probe.ts';

interface Tool {
  command: string;
  /** Default: the command. */
  need?: string;
  /** Arguments with which the tool ends at once; default `--version`. */
  args?: readonly string[];
  /** Debian package, where set-up does not list one for this command. */
  debianPackage?: string;
  /** What is lost without the tool, which is then optional. */
  without?: string;
}

/** The tools that build kernels and images and talk to guests. */
export const toolsOf = ({ qemu }: Arch): readonly Tool[] => [
  { command: 'setpriv' },
  { command: 'git' },
  { command: 'gcc', need: 'compiler' },
  { command: 'make', debianPackage: 'build-essential' },
  { command: 'flex' },
  { command: 'bison' },
  { command: 'bc' },
  { command: 'cpio' },
  { command: 'rsync' },
  { command: 'xz' },
  { command: 'bzip2', args: ['--help'], without: 'series in .bz2 files are not read' },
  { command: 'zstd', without: 'series in .zst files are not read' },
  { command: 'python3', without: 'set-up cannot compile SQLite, and there is no history of runs' },
  { command: 'ccache', without: 'kernels are compiled from scratch' },
  { command: 'apt-get', debianPackage: 'apt' },
  { command: 'dpkg-deb', debianPackage: 'dpkg' },
  { command: 'strip', debianPackage: 'binutils' },
  { command: 'mkfs.erofs', need: 'erofs tools', args: ['--help'] },
  {
    command: qemu.user,
    need: 'user emulator',
    debianPackage: 'qemu-user',
    without: 'node starts half a second later in guests',
  },
  {
    command: 'ssh',
    need: 'SSH client',
    args: ['-V'],
    debianPackage: 'openssh-client',
    without: 'ringlab shell does not work',
  },
];

/** The Debian package of a tool: set-up's list (setup/packages.mjs) knows most of them. */
const packageOf = ({ command, debianPackage }: Tool): string =>
  packages.find((entry) => entry.command === command)?.name ?? debianPackage ?? command;

async function examineTool(ctx: StageContext, tool: Tool): Promise<Finding> {
  const { command, need = command, args = ['--version'], without } = tool;
  const level = without === undefined ? 'required' : 'optional';
  const result = await probe(ctx, command, args);
  if (result.works) return { need, ok: true, found: versionIn(result.output) ?? 'works', level };
  const advice = install(packageOf(tool));
  const fix = without === undefined ? advice : `${advice} (without it ${without})`;
  return { need, ok: false, ...(result.missing ? {} : { found: result.reason }), level, fix };
}

/** One finding for each tool. Throws only the abort reason. */
export function examineTools(ctx: StageContext): Promise<Finding[]> {
  return Promise.all(toolsOf(hostArch()).map((tool) => examineTool(ctx, tool)));
}
