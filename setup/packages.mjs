/**
 * Debian packages that ringlab needs, and what for. Where there is no dpkg, `command` shows whether a package is installed.
 * @typedef {{ name: string, why: string, command?: string }} Package
 * @type {readonly Package[]}
 */
export const required = [
  { name: 'qemu-system-x86', why: 'runs the guests', command: 'qemu-system-x86_64' },
  { name: 'git', why: 'sources, series, applying patches', command: 'git' },
  { name: 'build-essential', why: 'builds kernels, the native addon and guest images', command: 'gcc' },
  { name: 'python3', why: 'compiles SQLite (node-gyp)', command: 'python3' },
  { name: 'flex', why: 'builds kernels', command: 'flex' },
  { name: 'bison', why: 'builds kernels', command: 'bison' },
  { name: 'bc', why: 'builds kernels', command: 'bc' },
  { name: 'libelf-dev', why: 'builds kernels' },
  { name: 'libssl-dev', why: 'builds kernels' },
  { name: 'kmod', why: 'builds kernels', command: 'depmod' },
  { name: 'cpio', why: 'builds kernels', command: 'cpio' },
  { name: 'rsync', why: 'installs kernel headers', command: 'rsync' },
  { name: 'xz-utils', why: 'unpacks kernel sources and series', command: 'xz' },
  { name: 'bzip2', why: 'unpacks series', command: 'bzip2' },
  { name: 'zstd', why: 'unpacks series', command: 'zstd' },
  { name: 'ccache', why: 'caches object files of kernel builds', command: 'ccache' },
  { name: 'bubblewrap', why: 'keeps kernel builds off the network', command: 'bwrap' },
  { name: 'linux-source-6.12', why: 'the kernel under test' },
  { name: 'debian-archive-keyring', why: 'checks kernels that are downloaded from Debian' },
  { name: 'erofs-utils', why: 'guest images', command: 'mkfs.erofs' },
  {
    name: 'qemu-user',
    why: 'makes snapshots from which node starts faster in guests',
    command: 'qemu-x86_64',
  },
  { name: 'openssh-client', why: 'ringlab shell, host keys of the guests', command: 'ssh-keygen' },
  { name: 'util-linux', why: 'ends children with their parent', command: 'setpriv' },
  { name: 'ca-certificates', why: 'npm over TLS' },
];

/** Packages that only tests need, installed with `--tests`. */
export const forTests = [{ name: 'chromium', why: 'shows the HTML page in its tests', command: 'chromium' }];

/** Packages that are installed only with `--all`. */
export const optional = [
  { name: 'linux-source-6.1', why: 'the kernel debian-6.1' },
  { name: 'liburing-dev', why: 'the ublk server of blktests' },
  { name: 'postgresql', why: 'tests of a history that a team shares' },
  { name: 'python3-prometheus-client', why: 'reads reports as OpenMetrics, in tests' },
];
