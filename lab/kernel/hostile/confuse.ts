import type { Attack } from './attack.ts';

const deep = (count: number) => `${'struct s { '.repeat(count)}int x; ${'} y;'.repeat(count)}`;

/** Have the lab blame the machine, end with a stack trace, or show what is not. */
export const confusions: readonly Attack[] = [
  {
    aim: 'confuse',
    name: 'claims that the disk is full',
    script: () => 'echo "src/a.c: No space left on device" >&2; rm -f vmlinux; kill $PPID',
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'claims that the compiler was killed',
    files: () => ({ 'src/z.c': '#error "gcc: fatal error: Killed signal terminated program cc1"\n' }),
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'claims that a command is missing',
    files: () => ({ 'src/z.c': '#error "sh: 1: gcc: not found"\n' }),
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'ends well without a kernel',
    makefile: () => ['@ld -r -o $@ $(objects)', '@true'],
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'makes a folder of its kernel',
    makefile: () => ['@ld -r -o $@ $(objects)', '@mkdir -p $@'],
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'leaves its release in a read-only folder',
    makefile: () => ['> System.map', '> System.map; chmod 555 include/config'],
    ends: 'built',
  },
  {
    aim: 'confuse',
    name: 'makes its object folder read-only before it is configured',
    makefile: () => ['@: > .config', '@: > .config; chmod 555 .'],
  },
  {
    aim: 'confuse',
    name: 'gives a release of several lines with escapes',
    makefile: () => ['"6.12.0-fake$(LOCALVERSION)"', '"6.12\\033[2J\\nok"'],
  },
  {
    aim: 'confuse',
    name: 'installs a header that does not compile',
    files: () => ({
      'include/uapi/linux/io_uring.h': '#ifndef __KERNEL__\n#include <linux/absent.h>\n#endif\n',
    }),
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'installs a header with deeply nested structs',
    files: () => ({ 'include/uapi/linux/fs.h': `${deep(3000)};\n` }),
  },
  {
    aim: 'confuse',
    name: 'installs a header of parentheses',
    files: () => ({
      'include/uapi/linux/fs.h': `struct s { int x __attribute__((${'('.repeat(60_000)} };\n`,
    }),
  },
  {
    aim: 'confuse',
    name: 'installs a header of blanks that slow a pattern down',
    files: () => ({
      'include/uapi/linux/fs.h': `enum a {${' '.repeat(300_000)}\nstruct b {${'\t'.repeat(300_000)}\n`,
    }),
  },
  {
    aim: 'confuse',
    name: 'sources its Kconfig from itself',
    files: () => ({ Kconfig: 'source "Kconfig"\nconfig NVME\n\tbool "NVMe"\n' }),
  },
  {
    aim: 'confuse',
    name: 'nests a dependency deeply',
    files: () => ({
      Kconfig: `config NVME\n\tbool "NVMe"\n\tdepends on ${'('.repeat(50_000)}X${')'.repeat(50_000)}\n`,
    }),
  },
  {
    aim: 'confuse',
    name: 'prints escapes in an error',
    files: () => ({ 'src/z.c': '#error "\u001b]0;title\u0007\u001b[2J\u001b[31m"\n' }),
    ends: 'build-failed',
  },
  {
    aim: 'confuse',
    name: 'sources Kconfig from a device',
    files: () => ({ Kconfig: 'source "/dev/stdin"\nsource "/dev/zero"\nconfig NVME\n\tbool "NVMe"\n' }),
  },
];
