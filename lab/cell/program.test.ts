import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { EventBody } from '../model/event.ts';
import { SuiteInfo } from '../model/suite.ts';
import { loadSuites, loadUserSuite, withUserSuites } from '../suite/discover.ts';
import { librariesOf } from '../suite/libraries.ts';
import { newSuite } from '../suite/scaffold.ts';
import { findPayload, preparePayloads } from './payload.ts';
import { resultByExitCode } from './program.ts';
import { collectProgram, conventionOf, readProgram } from './program-files.ts';

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
  t.same(auto(0, '', false), { name: 'p', verdict: 'pass' });
  t.same(auto(77, 'no device\n', false), {
    ...{ name: 'p', verdict: 'skip', reason: 'exit code 77', detail: 'no device' },
  });
  t.match(auto(1, '', false), { verdict: 'fail', reason: 'exit code 1' });
  t.match(auto(139, '', false), { verdict: 'fail', reason: 'ended by SIGSEGV' });
  t.equal(auto(1, 'ok 1', true), undefined, 'its TAP says more');
  const plain = resultByExitCode('p', { convention: 'plain', tapFirst: false });
  t.match(plain(77, '', true), { verdict: 'fail' }, 'requested by name: TAP or not');
  t.equal(resultByExitCode('p', { tapFirst: false })(0, '', false), undefined);
  t.end();
});

t.test('a program is stored once with its files, and is found again by its key', async (t) => {
  const dir = t.testdir({
    cache: {},
    suite: { 'run.sh': '#!/bin/sh\n', data: { hello: 'hello' }, 'other.txt': 'not named' },
  });
  chmodSync(join(dir, 'suite/run.sh'), 0o755);
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  const suite = {
    ...SuiteInfo.parse({ name: 'p', run: ['./run.sh', '-v'], files: ['data'] }),
    dir: join(dir, 'suite'),
  };
  const { files } = await collectProgram(suite, signal);
  t.same(
    files.map(({ to, mode }) => [to, mode & 0o111]),
    [
      ['files/data/hello', 0],
      ['files/run.sh', 0o111],
    ],
  );
  const ctx = { signal, emit: () => {} };
  const payload = (await preparePayloads([suite, suite], ctx)).get('p');
  if (!payload) throw new Error('no payload');
  const folder = await findPayload(payload);
  t.match(await readProgram(folder), {
    program: 'run.sh',
    args: ['-v'],
    convention: 'liburing',
    tapFirst: true,
  });
  t.equal(readFileSync(join(folder, 'files/data/hello'), 'utf8'), 'hello');
  writeFileSync(join(dir, 'suite/data/hello'), 'changed');
  t.not((await preparePayloads([suite], ctx)).get('p')?.key, payload.key, 'other files, another key');

  const notes: EventBody[] = [];
  const noting = { signal, emit: (event: EventBody) => void notes.push(event) };
  writeFileSync(join(dir, 'suite/data/hello'), 'hello');
  for (const text of ['', 'hellO', '\0\0\0\0\0']) {
    writeFileSync(join(folder, 'files/data/hello'), text);
    await t.rejects(findPayload(payload), { exitCode: 3, message: /damaged: files\/data\/hello[\s\S]*fix/ });
    t.same((await preparePayloads([suite], noting)).get('p'), payload);
    t.equal(readFileSync(join(await findPayload(payload), 'files/data/hello'), 'utf8'), 'hello');
  }
  t.equal(notes.length, 3, 'notes');
  t.match(notes, [{ note: { code: 'cache.damaged', subject: `payloads/${payload.key}` } }]);

  const missing = { kind: 'program' as const, key: '0'.repeat(32) };
  await t.rejects(findPayload(missing), { exitCode: 2, message: /the cache has no program 0{32}/ });
  await t.rejects(collectProgram({ ...suite, files: ['../cache', 'nothing'] }, signal), {
    exitCode: 2,
    message: /outside of the suite/,
  });
});
