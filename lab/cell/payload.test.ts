import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EventBody } from '../model/event.ts';
import { type Suite, SuiteInfo } from '../model/suite.ts';
import { readPrograms } from './folder-files.ts';
import { findPayload, preparePayloads } from './payload.ts';
import { collectFiles } from './payload-files.ts';
import { collectProgram, readProgram } from './program-files.ts';

type FixtureDir = NonNullable<Parameters<Test['testdir']>[0]>;

const { signal } = new AbortController();
const ctx = { signal, emit: () => {} };

/** A cache of the test's own, and the suite in a folder beside it. */
function fixture(t: Test, files: FixtureDir, settings: object): Suite {
  const dir = t.testdir({ cache: {}, suite: files });
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  return { ...SuiteInfo.parse({ name: 'p', ...settings }), dir: join(dir, 'suite') };
}

/** The content of an archive as tar(1) lists it: mode, path, target of a link. */
const listed = (folder: string, archive: string) =>
  execFileSync('tar', ['-tvf', join(folder, archive)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter((line) => !line.endsWith('/'))
    .map((line) => line.replace(/^(\S+) .* (\.\/.*)$/, '$1 $2'));

async function folderOf(suite: Suite) {
  const payload = (await preparePayloads([suite, suite], ctx)).get('p');
  if (!payload) throw new Error('no payload');
  return { payload, folder: await findPayload(payload) };
}

t.test('a program is stored once with its files, and is found again by its key', async (t) => {
  const suite = fixture(
    t,
    { 'run.sh': '#!/bin/sh\n', data: { hello: 'hello' }, 'other.txt': 'not named' },
    { run: ['./run.sh', '-v'], files: ['data'], env: { COLOUR: 'red' } },
  );
  chmodSync(join(suite.dir, 'run.sh'), 0o755);
  const { payload, folder } = await folderOf(suite);
  t.same(listed(folder, 'files.tar'), ['-rw-r--r-- ./data/hello', '-rwxr-xr-x ./run.sh']);
  t.match(await readProgram(folder), {
    ...{ program: 'run.sh', args: ['-v'], env: { COLOUR: 'red' } },
    ...{ convention: 'liburing', tapFirst: true },
  });
  writeFileSync(join(suite.dir, 'data/hello'), 'changed');
  t.not((await preparePayloads([suite], ctx)).get('p')?.key, payload.key, 'key with other files');

  const notes: EventBody[] = [];
  const noting = { signal, emit: (event: EventBody) => void notes.push(event) };
  writeFileSync(join(suite.dir, 'data/hello'), 'hello');
  const archive = readFileSync(join(folder, 'files.tar'));
  for (const content of [Buffer.of(), Buffer.from(archive).fill('x', 600, 601)]) {
    writeFileSync(join(folder, 'files.tar'), content);
    await t.rejects(findPayload(payload), { exitCode: 3, message: /damaged: files.tar[\s\S]*fix/ });
    t.same((await preparePayloads([suite], noting)).get('p'), payload);
    t.same(readFileSync(join(await findPayload(payload), 'files.tar')), archive, 'the same bytes again');
  }
  t.match(notes, [{ note: { code: 'cache.damaged', subject: `payloads/${payload.key}` } }, {}]);

  const missing = { kind: 'program' as const, key: '0'.repeat(32) };
  await t.rejects(findPayload(missing), { exitCode: 2, message: /the cache has no program 0{32}/ });
});

t.test('files that are missing or outside of the suite are refused, all at once', async (t) => {
  const suite = fixture(t, { 'run.sh': '' }, { run: ['./run.sh'], files: ['../cache', 'corpus', 'more/x'] });
  chmodSync(join(suite.dir, 'run.sh'), 0o755);
  await t.rejects(collectProgram(suite, signal), {
    exitCode: 2,
    message: /outside of the suite[\s\S]*suite\/corpus: no such file[\s\S]*suite\/more\/x: no such file/,
  });
});

t.test(
  'links stay links within the suite; one that leads out becomes the file that it leads to',
  async (t) => {
    const suite = fixture(
      t,
      { 'run.sh': '', data: { real: 'hello' } },
      { run: ['./run.sh'], files: ['data'] },
    );
    chmodSync(join(suite.dir, 'run.sh'), 0o755);
    symlinkSync('real', join(suite.dir, 'data/link'));
    symlinkSync('nowhere', join(suite.dir, 'data/dangling'));
    symlinkSync('/etc/hostname', join(suite.dir, 'data/out'));
    const { folder } = await folderOf(suite);
    const files = listed(folder, 'files.tar').map((line) => line.replace(/^l\S+/, 'l'));
    t.match(files, [
      'l ./data/dangling -> nowhere',
      'l ./data/link -> real',
      /^-\S+ \.\/data\/out$/,
      /^-\S+ \.\/data\/real$/,
      /run.sh$/,
    ]);
    symlinkSync('/etc', join(suite.dir, 'data/folder'));
    await t.rejects(collectProgram(suite, signal), {
      exitCode: 2,
      message: /data\/folder: the link leads out/,
    });
  },
);

t.test('every program among the files has its libraries', async (t) => {
  const suite = fixture(
    t,
    { 'run.sh': '#!/bin/sh\n./git --version\n' },
    { run: ['./run.sh'], files: ['git'] },
  );
  chmodSync(join(suite.dir, 'run.sh'), 0o755);
  copyFileSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), join(suite.dir, 'git'));
  const files = await collectFiles(suite, ['run.sh', 'git'], signal);
  t.ok(
    files.some(({ to }) => to.startsWith('lib/libpcre2')),
    `files: ${files.map(({ to }) => to)}`,
  );
});

t.test('an absolute path in run is a program of the guest', async (t) => {
  const suite = fixture(t, {}, { run: ['/usr/bin/bc', '--version'] });
  const { files, start } = await collectProgram(suite, signal);
  t.same(files, []);
  t.match(start, { program: '/usr/bin/bc', args: ['--version'] });
});

t.test('a program that is not executable is refused before any boot', async (t) => {
  const suite = fixture(t, { 'run.sh': '' }, { run: ['./run.sh'] });
  await t.rejects(collectProgram(suite, signal), {
    exitCode: 2,
    message: /no executable file[\s\S]*chmod \+x/,
  });
});

t.test('a folder of programs is stored with the runner and the list of what is to run', async (t) => {
  const suite = fixture(
    t,
    { 'a.t': '#!/bin/sh\n', 'b.t': '#!/bin/sh\n', notes: 'x' },
    { programs: { include: ['*.t'], exclude: { 'b.t': 'needs two sockets' }, timeouts: { 'a.t': 7 } } },
  );
  for (const name of ['a.t', 'b.t']) chmodSync(join(suite.dir, name), 0o755);
  const { payload, folder } = await folderOf(suite);
  t.equal(payload.kind, 'programs');
  t.same((await readPrograms(folder)).programs, [
    { name: 'a.t', args: [], timeoutMs: 7000, tapFirst: true, convention: 'liburing' },
    {
      ...{ name: 'b.t', args: [], timeoutMs: 60_000, tapFirst: true, convention: 'liburing' },
      skip: 'needs two sockets',
    },
  ]);
  t.same(listed(folder, 'files.tar'), ['-rwxr-xr-x ./a.t'], 'an excluded program is not copied');
  t.match(readFileSync(join(folder, 'agent.cjs'), 'utf8'), /programs\.json/, 'the runner');
  const other = { ...suite, env: { A: 'b' } };
  t.not((await folderOf(other)).payload.key, payload.key, 'key with another environment');
});
