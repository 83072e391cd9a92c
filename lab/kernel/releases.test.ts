import t from 'tap';
import { InputError, type Problem } from '../core/errors.ts';
import { settingOf } from './fake/setting.ts';
import { fakeMakefile } from './fake/tree.ts';
import { buildKernel, defaultConfig } from './index.ts';
import { parseConfig } from './kconfig/dotconfig.ts';
import type { Release } from './kconfig/releases.ts';
import { forRelease, resolveRequest } from './request.ts';

/** Symbols of a fragment that a kernel is asked for. */
function symbolsFor(fragment: string, release: Release | undefined): string[] {
  const problems: Problem[] = [];
  const lines = parseConfig(fragment, 'f.config', problems);
  t.same(problems, []);
  return forRelease({ start: { text: '' }, lines, text: '' }, release).lines.map(({ symbol }) => symbol);
}

t.test(
  'a range limits the next option of a fragment to the releases in it, both ends included',
  async (t) => {
    const fragment = `CONFIG_ALL=y
# [until 5.19] gone since
# and more about it
CONFIG_OLD=y
# [since 6.2, until 6.10] why
# CONFIG_MIDDLE is not set
# [since 6.10]
CONFIG_NEW=m
CONFIG_LAST=y
`;
    const at = (major: number, minor: number) => symbolsFor(fragment, { major, minor }).join(' ');
    t.equal(at(5, 4), 'ALL OLD LAST');
    t.equal(at(5, 19), 'ALL OLD LAST');
    t.equal(at(6, 1), 'ALL LAST');
    t.equal(at(6, 2), 'ALL MIDDLE LAST');
    t.equal(at(6, 10), 'ALL MIDDLE NEW LAST', '6.10 is later than 6.2');
    t.equal(at(10, 0), 'ALL NEW LAST');
    t.same(symbolsFor(fragment, undefined), ['ALL', 'LAST'], 'a tree without a release');
  },
);

t.test('a range that is malformed, empty or without an option is reported at its line', async (t) => {
  const problemsOf = (text: string) => {
    const problems: Problem[] = [];
    parseConfig(text, 'f', problems);
    return problems.map(({ what, where }) => `${where} ${what}`);
  };
  const option = 'CONFIG_A=y\n';
  const bad = [
    'since',
    'since 6',
    'since six',
    'until 6.2, until 6.3',
    'since 6.3, until 6.2',
    'since 6.1 until 6.2',
  ];
  for (const range of bad)
    t.match(problemsOf(`# [${range}] why\n${option}`), [/^f:1 no range of releases: # \[/], range);
  t.match(problemsOf(`# [since 6.1 why\n${option}`), [/^f:1 no range/], 'no closing bracket');
  t.same(problemsOf(`# [since 6.1] a\n\n${option}`), ['f:1 no option follows this range of releases']);
  t.same(problemsOf(`# [since 6.1] a\n# [since 6.2] b\n${option}`), [
    'f:1 no option follows this range of releases',
  ]);
  t.same(problemsOf(`${option}# [until 6.1]`), ['f:2 no option follows this range of releases']);
  t.same(problemsOf(`# [x] a list\n# since 6.1 it is so\n${option}`), [], 'ordinary comments');
});

t.test(
  'an option that a kernel lacks is no error where its range leaves the kernel out, and an error elsewhere',
  async (t) => {
    const { kernel, ctx, request } = settingOf(t, 'CONFIG_NVME=y\n# [until 6.19] gone\nCONFIG_GONE=y\n');
    const version = (text: string) => ({ Makefile: `${text}\n${fakeMakefile()}`, 'src/a.c': 'int a;\n' });
    const newer = kernel.commit('newer', version('VERSION = 7\nPATCHLEVEL = 0'));
    const build = await buildKernel(newer, request, ctx, { jobs: 1 });
    t.equal(build.name, 'newer');
    const older = kernel.commit('older', version('VERSION = 6\nPATCHLEVEL = 19'));
    const error: unknown = await buildKernel(older, request, ctx).catch((thrown: unknown) => thrown);
    t.ok(error instanceof InputError);
    t.match((error as InputError).problems, [
      { what: 'CONFIG_GONE=y: this kernel has no such option', where: /mine\.config:3$/, fix: /\[until/ },
    ]);
  },
);

t.test('a series that changes the release of its tree is asked for the options of its source', async (t) => {
  const { kernel, ctx, request } = settingOf(t, '# [until 6.19] gone\nCONFIG_GONE=y\nCONFIG_NVME=y\n');
  const version = (text: string) => ({ Makefile: `${text}\n${fakeMakefile()}`, 'src/a.c': 'int a;\n' });
  const source = kernel.commit('base', version('VERSION = 7\nPATCHLEVEL = 0'));
  const patched = kernel.patched(source, 'base+old', version('VERSION = 6\nPATCHLEVEL = 12'));
  t.equal((await buildKernel(patched, request, ctx, { jobs: 1 })).name, 'base+old');
});

t.test('the usual fragments ask older kernels for voluntary, newer ones for lazy preemption', async (t) => {
  const request = await resolveRequest(defaultConfig(true));
  const models = (major: number, minor: number) =>
    forRelease(request, { major, minor }).text.match(/(?<=^CONFIG_)(?:PREEMPT_\w+|\w*SYSCTL)(?==y$)/gm);
  t.same(models(6, 1), ['PREEMPT_VOLUNTARY', 'PROC_SYSCTL']);
  t.same(models(6, 12), ['PREEMPT_VOLUNTARY', 'PROC_SYSCTL']);
  t.same(models(7, 2), ['PREEMPT_LAZY', 'PROC_SYSCTL']);
  t.same(models(7, 3), ['PREEMPT_LAZY', 'SYSCTL']);
});
