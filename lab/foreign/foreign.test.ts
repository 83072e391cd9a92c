import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EventBody } from '../model/event.ts';
import { type Suite, SuiteInfo } from '../model/suite.ts';
import { buildForeign, readOrigins } from './index.ts';

/** A project of another language: its "build" turns every .in file into a program. */
const SCRIPT = `for file in *.in; do
  { echo '#!/bin/sh'; cat "$file"; } >"$OUT/\${file%.in}"
  chmod +x "$OUT/\${file%.in}"
done
echo made in the source >made
`;

const git = (dir: string, ...args: string[]) =>
  execFileSync('git', ['-C', dir, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { stdio: 'pipe' });

/** A git work tree with one program, an adapter for it, and a cache of the test's own. */
function fixture(t: Test, script = SCRIPT) {
  const dir = t.testdir({
    cache: {},
    adapter: { 'build.sh': script },
    project: { 'read.in': 'exit 0\n', '.gitignore': 'old.in\n', 'old.in': 'exit 1\n', extra: { file: 'x' } },
  });
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  const project = join(dir, 'project');
  git(project, 'init', '-q');
  git(project, 'add', '.');
  git(project, 'commit', '-qm', 'first');
  const events: EventBody[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  const info = SuiteInfo.parse({
    name: 'other',
    build: { script: 'build.sh', example: 'https://example.org/other' },
    programs: {},
  });
  const build = (origin: Suite['origin'], more: Partial<Suite> = {}) =>
    buildForeign({ ...info, dir: join(dir, 'adapter'), origin, ...more }, undefined, ctx);
  return { dir, project, events, build };
}

t.test(
  'a suite is built of a work tree as it is, once for each content, and leaves the tree alone',
  async (t) => {
    const { project, events, build, dir } = fixture(t);
    const origin = { kind: 'folder' as const, path: project };
    const suite = await build(origin);
    t.same(readdirSync(suite.dir), ['read'], 'an ignored file is no part of the source');
    t.ok(statSync(join(suite.dir, 'read')).mode & 0o111, 'program');
    t.equal(suite.adapterDir, join(dir, 'adapter'));
    t.same(git(project, 'status', '--short').toString(), '', 'changes in the source');
    t.match(events, [{ type: 'source.start', source: 'other', from: project }, { type: 'source.end' }]);

    t.equal((await build(origin)).dir, suite.dir, 'folder of the second build');
    t.equal(events.length, 2, 'events of one build');
    writeFileSync(join(project, 'write.in'), 'exit 0\n');
    const changed = await build(origin);
    t.same(readdirSync(changed.dir), ['read', 'write'], 'a new file counts before it is committed');
    t.not(changed.dir, suite.dir);
  },
);

t.test('a changed file of the adapter makes the suite anew, a changed table does not', async (t) => {
  const { project, build, dir } = fixture(t, 'cp "$ADAPTER/helper" "$OUT/"\n');
  const origin = { kind: 'folder' as const, path: project };
  const write = (name: string, text: string) => writeFileSync(join(dir, 'adapter', name), text);
  write('helper', 'one');
  const first = await build(origin, { support: 'support.yaml' });
  write('suite.yaml', 'name: other');
  write('support.yaml', 'releases: []');
  t.equal((await build(origin, { support: 'support.yaml' })).dir, first.dir, 'folder');
  write('helper', 'two');
  const second = await build(origin, { support: 'support.yaml' });
  t.equal(readFileSync(join(second.dir, 'helper'), 'utf8'), 'two');
});

t.test('a bare repository, a revision and a URL give the commit', async (t) => {
  const { dir, project, build } = fixture(t);
  const bare = join(dir, 'bare.git');
  execFileSync('git', ['clone', '-q', '--bare', project, bare]);
  t.same(readdirSync((await build({ kind: 'folder', path: bare })).dir), ['read']);
  git(project, 'tag', 'v1');
  writeFileSync(join(project, 'write.in'), 'exit 0\n');
  git(project, 'add', '.');
  git(project, 'commit', '-qm', 'second');
  t.same(readdirSync((await build({ kind: 'folder', path: project, revision: 'v1' })).dir), ['read']);
  const url = `file://${project}`;
  t.same(readdirSync((await build({ kind: 'git', url })).dir), ['read', 'write']);
  writeFileSync(join(project, 'third.in'), '');
  git(project, 'add', '.');
  git(project, 'commit', '-qm', 'third');
  t.same(readdirSync((await build({ kind: 'git', url })).dir), ['read', 'third', 'write'], 'fetched again');
  rmSync(project, { recursive: true });
  t.same(
    readdirSync((await build({ kind: 'git', url })).dir),
    ['read', 'third', 'write'],
    'without the remote',
  );
  t.same(readdirSync((await build({ kind: 'git', url, revision: 'v1' })).dir), ['read']);
  await t.rejects(build({ kind: 'git', url, revision: 'v9' }), { exitCode: 2, message: /no revision v9/ });
  await t.rejects(build({ kind: 'git', url: `file://${dir}/nowhere` }), {
    exitCode: 3,
    message: /cannot clone/,
  });
});

t.test('a folder without git is taken with all its files; paths narrow what is copied', async (t) => {
  const { project, build } = fixture(t);
  rmSync(join(project, '.git'), { recursive: true });
  const origin = { kind: 'folder' as const, path: project };
  t.same(readdirSync((await build(origin)).dir), ['old', 'read']);
  const narrowed = { script: 'build.sh', paths: ['read.in'], example: 'x', timeoutSeconds: 60 };
  t.same(readdirSync((await build(origin, { build: narrowed })).dir), ['read']);
});

t.test(
  'a build that fails is a fault of the lab, with the end of its output, and leaves nothing',
  async (t) => {
    const { dir, project, build } = fixture(
      t,
      'echo compiling; echo "read.c:1: no such header" >&2; false\n',
    );
    await t.rejects(build({ kind: 'folder', path: project }), {
      exitCode: 3,
      message: /build of the suite other ended with code 1[\s\S]*read.c:1: no such header/,
    });
    t.same(
      readdirSync(join(dir, 'cache/foreign')).filter((name) => !name.endsWith('.lock.d')),
      [],
    );
  },
);

t.test('a build sees neither the host nor the network and writes only its own folders', async (t) => {
  const outside = t.testdir({ secret: 'x' });
  const script = `test ! -e ${join(outside, 'secret')}; ! touch "$ADAPTER/x" 2>/dev/null; touch "$OUT/fine"\n`;
  const { dir, project, build } = fixture(t, script);
  mkdirSync(join(dir, 'other'));
  const suite = await build({ kind: 'folder', path: project });
  t.same(readdirSync(suite.dir), ['fine']);
  t.same(readdirSync(join(dir, 'adapter')), ['build.sh']);
});

t.test('a suite whose source is not named says how to name it', async (t) => {
  const { build } = fixture(t);
  await t.rejects(build(undefined), {
    exitCode: 2,
    message: /--source other=PATH[\s\S]*https:\/\/example.org/,
  });
});

t.test('sources are read from the command line, all mistakes at once', async (t) => {
  const dir = t.testdir({ 'a#b': {}, plain: {} });
  const origins = await readOrigins([
    `one=${dir}/plain#v1.2`,
    'two=https://example.org/x.git#main',
    'three=debian:liburing@trixie',
    'four=git@example.org:x',
    `five=${dir}/a#b`,
    'six=~',
  ]);
  t.same(Object.fromEntries(origins), {
    one: { kind: 'folder', path: join(dir, 'plain'), revision: 'v1.2' },
    two: { kind: 'git', url: 'https://example.org/x.git', revision: 'main' },
    three: { kind: 'debian', package: 'liburing', suite: 'trixie' },
    four: { kind: 'git', url: 'git@example.org:x' },
    five: { kind: 'folder', path: join(dir, 'a#b') },
    six: { kind: 'folder', path: homedir() },
  });
  await t.rejects(
    readOrigins(['liburing', `a=${dir}/moon`, `b=${dir}`, `b=${dir}`, 'c=debian:Not A Package']),
    {
      exitCode: 2,
      message:
        /"liburing" is no source[\s\S]*no such folder[\s\S]*b is named twice[\s\S]*no Debian source package/,
    },
  );
});
