import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadSuites, loadUserSuite, withUserSuites } from '../suite/discover.ts';
import { librariesOf } from '../suite/libraries.ts';
import { newSuite } from '../suite/scaffold.ts';
import { resultByExitCode } from './program.ts';
import { conventionOf } from './program-files.ts';

const { signal } = new AbortController();

t.test("a suite of the user's own: a folder or a program", async (t) => {
  const dir = t.testdir({
    mine: { 'index.ts': '' },
    'Named_Oddly.2': { 'index.ts': '', 'suite.yaml': 'name: named\nguests: [swiotlb]\n' },
    program: { 'suite.yaml': 'name: program\nrun: [./a.out, -v]\nfiles: [data]\nverdict: kselftest\n' },
    empty: {},
    'nop.t': '#!/bin/sh\n',
    'plain.txt': '',
  });
  chmodSync(join(dir, 'nop.t'), 0o755);
  t.match(await loadUserSuite(join(dir, 'mine')), {
    name: 'mine',
    guests: ['plain'],
    dir: join(dir, 'mine'),
  });
  t.match(await loadUserSuite(join(dir, 'Named_Oddly.2')), { name: 'named', guests: ['swiotlb'] });
  t.match(await loadUserSuite(join(dir, 'program')), { run: ['./a.out', '-v'], verdict: 'kselftest' });
  t.match(await loadUserSuite(join(dir, 'nop.t')), { name: 'nop-t', run: ['nop.t'], dir, verdict: 'auto' });
  await t.rejects(loadUserSuite(join(dir, 'empty')), { exitCode: 2, message: /no suite[\s\S]*suite new/ });
  await t.rejects(loadUserSuite(join(dir, 'plain.txt')), {
    exitCode: 2,
    message: /not executable[\s\S]*chmod/,
  });
  await t.rejects(loadUserSuite(join(dir, 'moon')), { exitCode: 2, message: /no such file/ });
});

t.test('names and paths are told apart, and names do not clash', async (t) => {
  const known = await loadSuites();
  const dir = t.testdir({ mine: { 'index.ts': '' }, passthrough: { 'index.ts': '' } });
  const { suites, names } = await withUserSuites(known, ['passthrough', join(dir, 'mine')]);
  t.same(names, ['passthrough', 'mine']);
  t.ok(suites.has('mine') && suites.has('multipath'));
  const clash = withUserSuites(known, [join(dir, 'passthrough')]);
  await t.rejects(clash, { exitCode: 2, message: /named passthrough is there already/ });
});

t.test('a new suite has tests, a name and types, and is not made over another', async (t) => {
  const dir = join(t.testdir(), 'my-tests');
  t.match(await newSuite(dir), { name: 'my-tests', files: ['suite.yaml', 'index.ts', 'tsconfig.json'] });
  t.match(await loadUserSuite(dir), { name: 'my-tests' });
  t.equal(execFileSync('npx', ['tsc', '-p', dir], { encoding: 'utf8' }), '', 'it type-checks where it lies');
  await t.rejects(newSuite(dir), { exitCode: 2, message: /there already/ });
  await t.rejects(newSuite(join(dir, 'Bad Name')), { exitCode: 2, message: /no name for a suite/ });
});

t.test('the worked example of the page is what a new suite begins with', (t) => {
  const root = join(import.meta.dirname, '../..');
  const page = readFileSync(join(root, 'suites/README.md'), 'utf8');
  const example = readFileSync(join(root, 'suites/lib/template/index.ts'), 'utf8');
  t.ok(page.includes(`\`\`\`ts\n${example}\`\`\``), 'suites/README.md has another example');
  t.end();
});

t.test('libraries are found without running the program', async (t) => {
  const dir = t.testdir();
  // The system's git is linked with more than guests have; its copy finds a library beside itself first.
  const program = join(dir, 'git');
  copyFileSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), program);
  const found = await librariesOf(program, signal);
  const names = found.map(({ name }) => name);
  t.ok(
    names.some((name) => name.startsWith('libpcre2')),
    `${names}`,
  );
  t.notOk(names.some((name) => /^libc[.]so|^ld-linux/.test(name)));
  const pcre = found.find(({ name }) => name.startsWith('libpcre2'));
  symlinkSync(pcre?.path ?? '', join(dir, pcre?.name ?? 'x'));
  t.match(await librariesOf(program, signal), [{ path: join(dir, pcre?.name ?? '') }]);
  t.same(await librariesOf(import.meta.filename, signal), [], 'a script needs none');
});

t.test('an exit code becomes the only result of a program, by the convention of its suite', (t) => {
  t.equal(conventionOf('auto', '/linux/tools/testing/selftests/mm/a'), 'kselftest');
  t.equal(conventionOf('auto', '/liburing/test/nop.t'), 'liburing');
  t.equal(conventionOf('tap', '/x'), undefined);
  const auto = resultByExitCode('p', { convention: 'liburing', tapFirst: true });
  const silent = { stdout: '', stderr: '' };
  t.same(auto(0, silent, false), { name: 'p', verdict: 'pass' });
  t.same(auto(77, { stdout: 'no device, skipping\n', stderr: '' }, false), {
    ...{ name: 'p', verdict: 'skip', reason: 'no device', detail: 'no device, skipping' },
  });
  t.match(auto(1, { stdout: 'began\n', stderr: 'no such device\n' }, false), {
    ...{ verdict: 'fail', reason: 'exit code 1: no such device', detail: 'began\nno such device' },
  });
  t.match(auto(139, silent, false), { verdict: 'fail', reason: 'ended by SIGSEGV' });
  t.equal(auto(1, silent, true), undefined, 'its TAP says more');
  const plain = resultByExitCode('p', { convention: 'plain', tapFirst: false });
  t.match(plain(77, silent, true), { verdict: 'fail' }, 'requested by name: TAP or not');
  t.equal(resultByExitCode('p', { tapFirst: false })(0, silent, false), undefined);
  t.end();
});
