import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { InputError, VerdictError } from '../core/errors.ts';
import { removeTree } from '../core/remove.ts';
import { trySandbox } from '../core/sandbox.ts';
import type { KernelBuild } from '../model/kernel.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { makefileThat } from './fake/tree.ts';
import { buildEach, buildKernel } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;
const OTHER = { 'src/b.c': 'int other(void) { return 7; }\n' };

/** What a stored kernel is, without what differs from build to build. */
function contentOf({ key, dir }: KernelBuild) {
  const { files } = JSON.parse(readFileSync(join(dir, 'build.json'), 'utf8'));
  const { 'build.log': _log, ...content } = files;
  return { key, content };
}

type Setting = ReturnType<typeof settingOf>;

/** A change of a source, so that the kernel is linked again. */
const CHANGED = { 'src/a.c': 'int evil(void) { return 3; }\n' };

/** Builds the source and a series on it, after attempts of hostile series; the errors of these are their results. */
async function buildsAfter({ kernel, ctx, request }: Setting, attempts: Record<string, string>[] = []) {
  const source = kernel.commit('base', SOURCES);
  const results: unknown[] = [];
  for (const files of attempts) {
    const tree = kernel.patched(source, 'evil', { ...CHANGED, ...files });
    results.push(await buildKernel(tree, request, ctx).catch((error) => error));
  }
  const base = await buildKernel(source, request, ctx);
  const other = await buildKernel(kernel.patched(source, 'other', OTHER), request, ctx);
  return { results, builds: [contentOf(base), contentOf(other)] };
}

/** Attempts to change other kernels. Each runs in the object folder, before the link. */
const POISONS: Record<string, Record<string, string>> = {
  'a configuration of ccache that runs a program': {
    Makefile: makefileThat(
      'mkdir -p "$CCACHE_DIR" 2>/dev/null; echo "prefix_command = $PWD/wrapper" >"$CCACHE_DIR/ccache.conf"; ' +
        'printf "#!/bin/sh\\necho foreign >&2; exit 1\\n" >"$CCACHE_DIR/wrapper"; chmod +x "$CCACHE_DIR/wrapper"; true',
    ),
  },
  'results of ccache': {
    Makefile: makefileThat('find "$CCACHE_DIR" -type f -exec sh -c \'echo foreign >"$1"\' sh {} \\; ; true'),
  },
  'objects with time stamps of the future': {
    Makefile: makefileThat(
      'echo "int foreign;" | gcc -x c -c -o src/a.o - && cp src/a.o src/b.o && touch -d 2100-01-01 src/a.o src/b.o',
    ),
  },
  'the final config of the object folder': {
    Makefile: makefileThat('echo CONFIG_FOREIGN=y >.config; touch -d 2100-01-01 .config'),
  },
  'folders beside the object folder': {
    Makefile: makefileThat(
      'for dir in ../*; do echo foreign >$dir/planted; rm -rf $dir/src; done 2>/dev/null; echo foreign >../planted; true',
    ),
  },
  'the source tree and its git folder': {
    Makefile: makefileThat(
      'echo "int foreign;" >>../tree/src/a.c; rm -rf ../tree.git ../tree.json; chmod -R 777 ../tree; true',
    ),
  },
  'a script that Kconfig runs': {
    'scripts/conf.awk':
      'BEGIN { system("echo CONFIG_FOREIGN=y >../.config; echo foreign >../planted; rm -rf ../tree.git") }\n' +
      '{ print "CONFIG_FOREIGN=y" }\n',
  },
  'installed headers of others': {
    Makefile: makefileThat(
      'find / -name "*.h" -path "*headers*" -exec sh -c \'echo "#error" >"$1"\' sh {} \\; 2>/dev/null; true',
    ),
  },
};

for (const overlays of ['on', 'off']) {
  t.test(
    `series that attack other kernels change neither source nor series (overlays ${overlays})`,
    { skip },
    async (t) => {
      if (overlays === 'off') process.env.RINGLAB_OVERLAYS = 'off';
      t.teardown(() => void delete process.env.RINGLAB_OVERLAYS);
      const { builds: expected } = await buildsAfter(settingOf(t));
      const setting = settingOf({ testdir: () => t.testdir() });
      const { results, builds } = await buildsAfter(setting, Object.values(POISONS));
      t.same(builds, expected);
      for (const [index, what] of Object.keys(POISONS).entries()) {
        const result = results[index] as { key?: string };
        t.ok(
          result instanceof VerdictError || result instanceof InputError || result.key,
          `${what}: ${result}`,
        );
      }
      t.same(setting.leftovers(), []);
      t.notOk(existsSync(join(setting.dir, 'work/planted')));
      t.notMatch(readFileSync(join(setting.dir, 'work/tree/src/a.c'), 'utf8'), /foreign/);
    },
  );

  t.test(
    `a series is compiled incrementally, and so is each after another (overlays ${overlays})`,
    { skip },
    async (t) => {
      if (overlays === 'off') process.env.RINGLAB_OVERLAYS = 'off';
      t.teardown(() => void delete process.env.RINGLAB_OVERLAYS);
      const { kernel, ctx, request, compiled, events } = settingOf(t);
      const source = kernel.commit('base', SOURCES);
      await buildKernel(source, request, ctx, { jobs: 1 });
      for (const name of ['one', 'two', 'three']) {
        const file = name === 'two' ? 'src/b.c' : 'src/a.c';
        const files = { [file]: `int ${name};\n` };
        const { vmlinux } = await buildKernel(kernel.patched(source, name, files), request, ctx, { jobs: 1 });
        t.same(compiled(name).slice(0, 2), [file.replace('.c', '.o'), 'vmlinux'], name);
        t.ok(readFileSync(vmlinux).includes(name));
      }
      events.length = 0;
      await removeTree(join(process.env.RINGLAB_CACHE ?? '', 'kernels'));
      await buildKernel(source, request, ctx, { jobs: 1 });
      t.same(compiled('base'), [], 'the source compiles nothing');
    },
  );
}

t.test(
  'steps of one series share their objects, and a file that a step reverts is compiled again',
  { skip },
  async (t) => {
    const { kernel, ctx, request, compiled, leftovers, dir } = settingOf(t);
    const source = kernel.commit('base', SOURCES);
    const steps = [
      kernel.patched(source, '1', { 'src/a.c': 'int a(void) { int unused; return 1; }\n' }),
      kernel.patched(source, '2', {
        'src/a.c': 'int a(void) { int unused; return 1; }\n',
        'src/b.c': 'int b2;\n',
      }),
      kernel.patched(source, '3', { 'src/b.c': 'int b2;\n' }),
    ];
    const results = await buildEach(steps, request, ctx, { jobs: 1 });
    t.match(results, [
      { ok: true, warnings: [/unused/] },
      { ok: true, warnings: [/unused/] },
      { ok: true, warnings: [] },
    ]);
    t.same(compiled('2').slice(0, 1), ['src/b.o']);
    t.same(compiled('3').slice(0, 1), ['src/a.o']);
    t.same(leftovers(), []);
    t.same(
      readdirSync(join(dir, 'work')).filter((name) => name.startsWith('obj-') && !name.endsWith('.meta'))
        .length,
      2,
    );
  },
);

t.test('another build between two steps of a series does not leave stale objects', { skip }, async (t) => {
  const { kernel, ctx, request } = settingOf(t);
  const source = kernel.commit('base', SOURCES);
  const broken = { 'src/a.c': 'int a(void) { return }\n' };
  const steps = [
    kernel.patched(source, '1', { ...broken, 'src/b.c': 'int step1;\n' }),
    kernel.patched(source, '2', { 'src/c.c': 'int c;\n' }),
  ];
  // The first step fails; meanwhile a build of the source gives src/b.c its old time stamp.
  const between = { ...ctx };
  const [first, second] = steps;
  const results = await buildEach([first, second] as typeof steps, request, between, { jobs: 1 });
  await buildKernel(source, request, ctx);
  t.match(results, [{ ok: false }, { ok: true }]);
});
