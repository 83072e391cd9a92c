import type { StageContext } from '../model/event.ts';
import { type Finding, install } from './finding.ts';
import { probe, versionIn } from './probe.ts';

interface Tool {
  need: string;
  command: string;
  args: readonly string[];
  debianPackage: string;
  level: Finding['level'];
  /** What is lost without an optional tool. */
  without?: string;
}

const required = (need: string, command: string, debianPackage: string, args = ['--version']): Tool => {
  return { need, command, args, debianPackage, level: 'required' };
};

const TOOLS: readonly Tool[] = [
  required('setpriv', 'setpriv', 'util-linux'),
  required('git', 'git', 'git'),
  required('compiler', 'gcc', 'build-essential'),
  required('make', 'make', 'build-essential'),
  required('flex', 'flex', 'flex'),
  required('bison', 'bison', 'bison'),
  required('bc', 'bc', 'bc'),
  {
    need: 'ccache',
    command: 'ccache',
    args: ['--version'],
    debianPackage: 'ccache',
    level: 'optional',
    without: 'kernels are compiled from scratch',
  },
  required('apt-get', 'apt-get', 'apt'),
  required('dpkg-deb', 'dpkg-deb', 'dpkg'),
  required('strip', 'strip', 'binutils'),
  required('erofs tools', 'mkfs.erofs', 'erofs-utils', ['--help']),
  {
    need: 'user emulator',
    command: 'qemu-x86_64',
    args: ['--version'],
    debianPackage: 'qemu-user',
    level: 'optional',
    without: 'node starts half a second later in guests',
  },
  {
    need: 'SSH client',
    command: 'ssh',
    args: ['-V'],
    debianPackage: 'openssh-client',
    level: 'optional',
    without: 'ringlab shell does not work',
  },
];

async function examineTool(ctx: StageContext, tool: Tool): Promise<Finding> {
  const { need, command, args, debianPackage, level, without } = tool;
  const result = await probe(ctx, command, args);
  if (result.works) return { need, ok: true, found: versionIn(result.output) ?? 'works', level };
  const advice = without ? `${install(debianPackage)} (without it ${without})` : install(debianPackage);
  return { need, ok: false, ...(result.missing ? {} : { found: result.why }), level, fix: advice };
}

/** The tools that build kernels and images and talk to guests. */
export function examineTools(ctx: StageContext): Promise<Finding[]> {
  return Promise.all(TOOLS.map((tool) => examineTool(ctx, tool)));
}
