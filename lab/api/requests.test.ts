/** What a request names: ranges of the tree, suites and guests named twice, suites named without their path. Nothing is built. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import * as api from './index.ts';
import { FakeTree } from './testing/kernel.ts';

const dir = t.testdir({ cache: {} });
process.env.RINGLAB_CACHE = join(dir, 'cache');

const fake = new FakeTree(join(dir, 'kernel'));
const base = fake.commit('base', { 'drivers/b.c': 'int b(void) { return 0; }\n' });
const tip = fake.commit('fake: change b', { 'drivers/b.c': 'int b(void) { return 1; }\n' });
await fake.reset(base);

const tests = "import { test } from 'ringlab/suite';\ntest('passes', () => {});\n";
mkdirSync(join(dir, 'mine'));
writeFileSync(join(dir, 'mine/index.ts'), tests);
for (const name of ['nop.t', 'nop_t']) writeFileSync(join(dir, name), '#!/bin/sh\n', { mode: 0o755 });

const plan = (options: api.RunOptions) =>
  api.planRun({ tree: fake.tree, base, guests: ['plain'], accel: 'tcg', ...options });
const cellsOf = async (options: api.RunOptions) => (await plan(options)).cells.map(({ name }) => name);

t.test('a range is of the tree that it applies to, not of the current folder', async (t) => {
  const { kernels } = await plan({ series: `${base}..${tip}`, suites: ['passthrough'] });
  t.match(kernels, [/^source-/, /^source-.*\+fake-change-b$/]);
  const wrong = plan({ series: `${base}..nowhere`, suites: ['passthrough'] });
  await t.rejects(wrong, { exitCode: 2, message: new RegExp(`${fake.tree}.*no commit "nowhere"`) });
});

t.test('a suite or guest that is named twice runs once, whichever names it has', async (t) => {
  const path = join(dir, 'mine');
  t.equal((await cellsOf({ suites: [path, `${path}/`, join(dir, 'mine/../mine')] })).length, 1);
  const shipped = join(projectRoot, 'suites/passthrough');
  t.equal((await cellsOf({ suites: ['passthrough', shipped], guests: ['plain', 'plain'] })).length, 1);
  t.equal((await cellsOf({ suites: [join(dir, 'nop.t'), join(dir, 'nop.t')] })).length, 1);
  await t.rejects(cellsOf({ kernels: ['debian-6.12', 'debian-6.12'], tree: undefined, base: undefined }), {
    ...{ exitCode: 2, message: /debian-6\.12 is named twice/ },
  });
});

t.test('suites of one name but other content are refused: no result stands in two rows', async (t) => {
  const clash = { exitCode: 2, message: /a suite named nop-t is there already/ };
  await t.rejects(cellsOf({ suites: [join(dir, 'nop.t'), join(dir, 'nop_t')] }), clash);
});

t.test('a file or folder that is named without its path has a hint, among all problems', async (t) => {
  const before = process.cwd();
  process.chdir(dir);
  t.teardown(() => process.chdir(before));
  await t.rejects(cellsOf({ suites: ['nop.t', 'mine', 'passthru'], guests: ['plian'] }), {
    exitCode: 2,
    message:
      /unknown name "nop\.t"[\s\S]*--suite \.\/nop\.t[\s\S]*--suite \.\/mine[\s\S]*perhaps passthrough[\s\S]*"plian"[\s\S]*perhaps plain/,
  });
});
