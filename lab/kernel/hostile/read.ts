import { type Attack, rows } from './attack.ts';

const leak = (path: string) => `cat ${path}`;

const readingScripts = rows('read', [
  ['prints a file of the home folder', ({ home }) => leak(`${home}/secret`)],
  [
    'stores a file of the home folder as its output',
    ({ home }) => `cp ${home}/secret System.map; cat ${home}/secret >> vmlinux`,
  ],
  ['prints the password file', () => leak('/etc/shadow /etc/shadow- /etc/gshadow')],
  [
    'prints what is in /root, /home and /srv',
    () => 'find /root /home /srv /mnt /media /opt -type f 2>/dev/null | head -100 | xargs cat',
  ],
  ['prints the environment of all processes', () => 'cat /proc/*/environ; env'],
  [
    'prints the victim through /proc',
    ({ home, pid }) =>
      leak(`/proc/${pid}/root${home}/secret /proc/1/root${home}/secret /proc/${pid}/cwd/secret`),
  ],
  [
    'prints the memory of the victim',
    ({ pid }) => `cat /proc/${pid}/cmdline /proc/${pid}/maps; dd if=/proc/${pid}/mem bs=4096 count=1`,
  ],
  ['links its kernel to a file of the home folder', ({ home }) => `ln -sf ${home}/secret vmlinux`],
  ['links its symbol table to a file of the home folder', ({ home }) => `ln -sf ${home}/secret System.map`],
  [
    'links its release to a file of the home folder',
    ({ home }) => `ln -sf ${home}/secret include/config/kernel.release`,
  ],
  ['links its config to a file of the home folder', ({ home }) => `ln -sf ${home}/secret .config`],
  [
    'links a header to a file of the home folder',
    ({ home }) => `mkdir -p usr/include/linux; ln -sf ${home}/secret usr/include/linux/fs.h`,
  ],
  [
    'links the folder of headers to the home folder',
    ({ home }) => `rm -rf usr/include; mkdir -p usr; ln -sfn ${home} usr/include`,
  ],
  [
    'links a folder of outputs to the home folder',
    ({ home }) => `rm -rf include/config; ln -sfn ${home} include/config`,
  ],
  [
    'prints other kernels of the cache',
    ({ cache }) => `ls -R ${cache} | head -1000; cat ${cache}/kernels/*/config`,
  ],
]);

/** Have the lab or a tool print or store what only its user may read. */
export const reads: readonly Attack[] = [
  ...readingScripts,
  {
    aim: 'read',
    name: 'assembles a file of the home folder into the kernel',
    files: ({ home }) => ({ 'src/z.c': `__asm__(".incbin \\"${home}/secret\\"");\n` }),
  },
  {
    aim: 'read',
    name: 'includes a file of the home folder',
    files: ({ home }) => ({ 'src/z.c': `#include "${home}/secret"\n` }),
  },
  {
    aim: 'read',
    name: 'sources a file of the home folder in Kconfig',
    files: ({ home }) => ({ Kconfig: `source "${home}/secret"\nconfig NVME\n\tbool "NVMe"\n` }),
  },
  {
    aim: 'read',
    name: 'runs cat in a variable of the Makefile',
    makefile: ({ home }) => ['goals :=', `$(info $(shell cat ${home}/secret))\ngoals :=`],
  },
  {
    aim: 'read',
    name: 'includes a file of the home folder in the Makefile',
    makefile: ({ home }) => ['goals :=', `-include ${home}/secret\ngoals :=`],
  },
  {
    aim: 'read',
    name: 'installs a header that includes a file of the home folder',
    files: ({ home }) => ({ 'include/uapi/linux/fs.h': `#include "${home}/secret"\n` }),
  },
];
