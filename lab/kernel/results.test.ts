import { readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { trySandbox } from '../core/sandbox.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { fakeMakefile, makefileThat } from './fake/tree.ts';
import { buildKernel } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

/** A change of the headers, so that they are installed again. */
const HEADER = { 'include/uapi/linux/extra.h': '#define EXTRA 1\n' };

/** The Makefile with a command in place of a text. */
function changed(find: string, replacement: string, makefile = fakeMakefile()): string {
  if (!makefile.includes(find)) throw new Error(`the Makefile has no ${find}`);
  return makefile.replace(find, () => replacement);
}

/** The Makefile with a command that runs after headers are installed. */
const afterHeaders = (command: string) => ({
  ...HEADER,
  Makefile: changed("@echo '  HDRINST usr/include/linux/io_uring.h'", `@${command}`),
});

/** The Makefile with a command that runs when modules are installed. */
const afterModules = (command: string) => {
  const install = 'cp src/mod.ko $(INSTALL_MOD_PATH)/lib/modules/';
  return { Makefile: changed(install, `${install}; ${command}`) };
};

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

/** Names in Latin-1, which no decoder of UTF-8 can give back. */
const LATIN = `$$(printf 'caf\\351')`;

/** Results of hostile builds: files of the series, how its build ends, and a part of the message. */
const RESULTS: [string, Record<string, string>, 'built' | RegExp][] = [
  [
    'a header whose name is not UTF-8',
    afterHeaders(`touch "usr/include/linux/${LATIN}.h"`),
    /name is not UTF-8/,
  ],
  [
    'a folder of headers whose name is not UTF-8',
    afterHeaders(`mkdir "usr/include/${LATIN}"`),
    /name is not UTF-8/,
  ],
  [
    'a module whose name is not UTF-8',
    afterModules(`touch "ringlab-modules/lib/${LATIN}.ko"`),
    /name is not UTF-8/,
  ],
  [
    'a header of 2 GiB without content',
    afterHeaders('truncate -s 2G usr/include/linux/hole.h'),
    /too large a file .*hole.h/,
  ],
  [
    'many large headers without content',
    afterHeaders('for n in `seq 40`; do truncate -s 3M usr/include/linux/hole$$n.h; done'),
    /files with more than 67108864 bytes/,
  ],
  [
    'modules of 24 GiB without content',
    afterModules('for n in 1 2 3; do truncate -s 8G ringlab-modules/lib/hole$$n.ko; done'),
    /files with more than 17179869184 bytes/,
  ],
  [
    'thousands of headers without permissions',
    afterHeaders(
      `mkdir -p usr/include/shut; cd usr/include/shut; perl -e '$$n = "n" x 200; for (1..9000) { open F, ">", "$$n$$_"; chmod 0, "$$n$$_" }'`,
    ),
    /an output cannot be copied/,
  ],
  [
    'a target with a NUL byte in its name',
    { Makefile: makefileThat(`printf '  CC      src/\\0.o\\ny.c:3:1: warning: odd\\n'`) },
    'built',
  ],
  [
    'targets whose names are larger than the arguments of a program may be',
    {
      Makefile: makefileThat(
        `perl -e 'print "  CC      $_", "\\xc3\\xa9" x 280, "$_.o\\ny.c:3:1: warning: odd\\n" for 1..4500'`,
      ),
    },
    'built',
  ],
  [
    'a struct with as many members as a declaration can list',
    { 'include/uapi/linux/fs.h': `struct wide { long m0${lines(200_000, (at) => `,\nm${at + 1}`)}; };\n` },
    /headers define \d+ names/,
  ],
  [
    'a struct with a name of 30 KB and many members',
    {
      'include/uapi/linux/fs.h': `struct n${'a'.repeat(30_000)} {\n${lines(15_000, (at) => `char m${at};\n`)}};\n`,
    },
    'built',
  ],
  [
    'constants whose names have 30 KB',
    { 'include/uapi/linux/fs.h': lines(100, (at) => `#define N${at}${'A'.repeat(30_000)} 1\n`) },
    'built',
  ],
];

for (const [what, files, end] of RESULTS)
  t.test(`a series that leaves ${what} ends with a verdict or a kernel`, { skip }, async (t) => {
    const { kernel, ctx, request, leftovers } = settingOf(t, 'CONFIG_NVME=y\nCONFIG_EXTRA=m\n');
    const source = kernel.commit('base', SOURCES);
    const tree = kernel.patched(source, 'odd', { 'src/a.c': 'int a(void) { return 2; }\n', ...files });
    const began = performance.now();
    const result = await buildKernel(tree, request, ctx).catch((thrown) => thrown);
    t.ok(performance.now() - began < 30_000, 'duration, ms');
    if (end === 'built') t.match(result, { cached: false, name: 'odd' }, result.stack);
    else t.match(result, { verdict: 'build-failed', message: end, exitCode: 1 }, result.stack);
    t.same(leftovers(), []);
  });

t.test(
  'the log of several runs of make has one limit in bytes, and Kconfig that floods it fails',
  { skip },
  async (t) => {
    const { kernel, ctx, request } = settingOf(t);
    const source = kernel.commit('base', SOURCES);
    // Each byte becomes U+FFFD, which has three bytes in UTF-8.
    const flood = `perl -e 'print "\\xfe" x 900, "\\n" for 1..4500'`;
    const first = changed('@: > .config', `@: > .config; ${flood}`);
    const tree = (name: string, second: string) =>
      kernel.patched(source, name, { Makefile: changed('@awk -f', `@${second}; awk -f`, first) });
    await t.rejects(buildKernel(tree('flood', `${flood}; exit 3`), request, ctx), {
      ...{ verdict: 'build-failed', exitCode: 1, message: /^flood does not build: / },
    });
    const build = await buildKernel(
      kernel.patched(source, 'loud', { Makefile: makefileThat(`${flood}; ${flood}; ${flood}`) }),
      request,
      ctx,
    );
    t.ok(statSync(build.log).size <= 5 << 20, 'bytes of the log');
    t.ok(/^ {2}LD {6}vmlinux$/m.test(readFileSync(build.log, 'utf8')), 'the log has the start');
  },
);
