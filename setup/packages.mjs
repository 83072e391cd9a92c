/**
 * What ringlab needs of Debian 12, and what for. `command` is what the package is looked for by where there is no dpkg.
 * @typedef {{ name: string, why: string, command?: string }} Package
 * @type {readonly Package[]}
 */
export const required = [
  { name: 'qemu-system-x86', why: 'runs the guests', command: 'qemu-system-x86_64' },
  { name: 'git', why: 'sources, series, applying patches', command: 'git' },
  { name: 'build-essential', why: 'builds kernels, the native binding and guest images', command: 'gcc' },
  { name: 'flex', why: 'builds kernels', command: 'flex' },
  { name: 'bison', why: 'builds kernels', command: 'bison' },
  { name: 'bc', why: 'builds kernels', command: 'bc' },
  { name: 'libelf-dev', why: 'builds kernels' },
  { name: 'libssl-dev', why: 'builds kernels' },
  { name: 'kmod', why: 'builds kernels', command: 'depmod' },
  { name: 'cpio', why: 'builds kernels', command: 'cpio' },
  { name: 'rsync', why: 'installs kernel headers', command: 'rsync' },
  { name: 'xz-utils', why: 'unpacks kernel sources', command: 'xz' },
  { name: 'ccache', why: 'builds kernels again in no time', command: 'ccache' },
  { name: 'bubblewrap', why: 'keeps kernel builds off the network', command: 'bwrap' },
  { name: 'linux-source-6.12', why: 'the kernel under test' },
  { name: 'erofs-utils', why: 'guest images', command: 'mkfs.erofs' },
  { name: 'qemu-user', why: 'lets node start faster in guests', command: 'qemu-x86_64' },
  { name: 'openssh-client', why: 'ringlab shell, keys of the guests', command: 'ssh-keygen' },
  { name: 'util-linux', why: 'ends children with their parent', command: 'setpriv' },
  { name: 'ca-certificates', why: 'npm over TLS' },
];

/** Installed with `--all` only. */
export const optional = [{ name: 'linux-source-6.1', why: 'the base debian-6.1' }];
