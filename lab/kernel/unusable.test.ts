import t from 'tap';
import { trySandbox } from '../core/sandbox.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { fakeMakefile, makefileThat, makefileThatEnds } from './fake/tree.ts';
import { buildKernel } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;
const OTHER = { 'src/b.c': 'int other(void) { return 7; }\n' };

/** A change of a source, so that the kernel is linked again. */
const CHANGED = { 'src/a.c': 'int evil(void) { return 3; }\n' };

/** Builds that leave no usable output: command before the link, or whole Makefile, and the message. */
const UNUSABLE: [string, Record<string, string>, RegExp][] = [
  [
    'a FIFO as vmlinux',
    { Makefile: makefileThatEnds('rm vmlinux; mkfifo vmlinux') },
    /no regular file at vmlinux/,
  ],
  [
    'a folder as System.map',
    { Makefile: makefileThatEnds('rm System.map; mkdir System.map') },
    /no regular file at System.map/,
  ],
  ['no vmlinux', { Makefile: makefileThatEnds('rm vmlinux') }, /output is missing: .*vmlinux/],
  [
    'a link as release',
    {
      Makefile: makefileThat('true').replace(
        'echo "6.12.0-fake$(LOCALVERSION)" > include',
        'ln -sf /etc/hostname include',
      ),
    },
    /no regular file at include\/config\/kernel.release/,
  ],
  [
    'an endless release',
    {
      Makefile: makefileThat('true').replace(
        'echo "6.12.0-fake$(LOCALVERSION)" > include',
        'head -c 100000 /dev/zero > include',
      ),
    },
    /too large a file .100000 bytes. at include/,
  ],
  [
    'a link as .config',
    {
      Makefile: fakeMakefile().replace(
        '> .config.new && mv .config.new .config',
        '>/dev/null; ln -sf /etc/passwd .config',
      ),
    },
    /unusable .config/,
  ],
  [
    'a FIFO as .config',
    {
      Makefile: fakeMakefile().replace(
        '> .config.new && mv .config.new .config',
        '>/dev/null; rm .config; mkfifo .config',
      ),
    },
    /unusable .config/,
  ],
  [
    'a .config of 5 MB',
    { 'scripts/conf.awk': 'END { for (i = 0; i < 500000; i++) print "CONFIG_X" i }\n' },
    /unusable .config/,
  ],
  [
    'headers that do not compile',
    { 'include/uapi/linux/io_uring.h': '#include "lost.h"\n' },
    /headers do not compile: lost\.h: No such file/,
  ],
  [
    'headers that are not closed',
    { 'include/uapi/linux/io_uring.h': 'struct io_uring_sqe {\n' },
    /headers do not compile/,
  ],
  [
    'headers that include themselves',
    { 'include/uapi/linux/io_uring.h': '#include <linux/io_uring.h>\n' },
    /headers do not compile/,
  ],
  [
    'a FIFO among the headers',
    {
      'include/uapi/linux/io_uring.h': '#define A 1\n',
      Makefile: makefileThat('true').replace(
        "@echo '  HDRINST usr/include/linux/io_uring.h'",
        '@mkfifo usr/include/linux/more.h',
      ),
    },
    /no regular file at linux\/more.h/,
  ],
  [
    'a link among the headers',
    {
      'include/uapi/linux/io_uring.h': '#define A 1\n',
      Makefile: makefileThat('true').replace(
        "@echo '  HDRINST usr/include/linux/io_uring.h'",
        '@ln -s /etc/passwd usr/include/linux/more.h',
      ),
    },
    /no regular file at linux\/more.h/,
  ],
  [
    'a message about a full disk',
    { Makefile: makefileThat('echo "cc1: No space left on device"; exit 1') },
    /does not build/,
  ],
  [
    'a message about a killed compiler',
    { Makefile: makefileThat('echo "gcc: fatal error: Killed signal terminated program cc1"; exit 1') },
    /does not build/,
  ],
];

t.test(
  'a series that leaves unusable output fails with a verdict, and the next series builds',
  { skip },
  async (t) => {
    const { kernel, ctx, request, leftovers } = settingOf(t);
    const source = kernel.commit('base', SOURCES);
    for (const [what, files, message] of UNUSABLE) {
      const evil = kernel.patched(source, 'evil', { ...CHANGED, ...files });
      const error = await buildKernel(evil, request, ctx).catch((thrown) => thrown);
      t.match(error, { verdict: 'build-failed', message, exitCode: 1 }, `${what}: ${error.stack}`);
      t.match(error.message, /^evil /, what);
      t.ok(error.message?.length < 1000 && error.detail?.length < 20_000, what);
    }
    t.same(leftovers(), []);
    t.match(await buildKernel(kernel.patched(source, 'other', OTHER), request, ctx), { cached: false });
  },
);
