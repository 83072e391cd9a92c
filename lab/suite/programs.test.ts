import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ProgramSet } from '../model/suite.ts';
import { loadUserSuite } from './discover.ts';
import { matches, valueFor } from './glob.ts';
import { findPrograms } from './programs.ts';

/** A folder with executable scripts of these names, and further files. */
function folder(t: Test, programs: readonly string[], files: Record<string, string> = {}): string {
  const dir = t.testdir({});
  for (const name of programs) {
    const path = join(dir, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
    chmodSync(path, 0o755);
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

t.test('patterns match paths below a folder', (t) => {
  t.ok(matches('*.t', 'nop.t'));
  t.ok(matches('./nop.t', 'nop.t'), 'with the folder before it');
  t.notOk(matches('*.t', 'deep/nop.t'), 'a star does not cross folders');
  t.ok(matches('**/*.t', 'deep/er/nop.t'));
  t.ok(matches('**/*.t', 'nop.t'), 'no folder is a number of folders too');
  t.notOk(matches('a.t', 'abt'), 'a dot is a dot');
  t.ok(matches('a?[1]+', 'ab[1]+'), 'other characters stand for themselves');
  t.equal(valueFor({ 'io-*': 1, '*': 2 }, 'io-cancel'), 1, 'value of the first match');
  t.end();
});

t.test(
  'a folder without suite.yaml is the suite of its executable files, or of those named *.t',
  async (t) => {
    const plain = await loadUserSuite(folder(t, ['read', 'write', 'sub/deep'], { 'notes.txt': '' }));
    t.same(
      (await findPrograms(plain)).map(({ name }) => name),
      ['read', 'write'],
    );
    t.same(plain.files, ['.'], 'what lies beside the programs');
  },
);

t.test('scripts beside *.t programs are helpers', async (t) => {
  const suite = await loadUserSuite(folder(t, ['b.t', 'a.t', 'runtests.sh']));
  t.same(
    (await findPrograms(suite)).map(({ name }) => name),
    ['a.t', 'b.t'],
  );
});

t.test('a pattern names the programs of a folder', async (t) => {
  const dir = folder(t, ['poll-a', 'poll-b', 'read']);
  const suite = await loadUserSuite(join(dir, 'poll-*'));
  t.same(
    (await findPrograms(suite)).map(({ name }) => name),
    ['poll-a', 'poll-b'],
  );
  await t.rejects(loadUserSuite(join(dir, 'none-*')), { exitCode: 2, message: /no executable file matches/ });
  await t.rejects(loadUserSuite(join(dir, 'nowhere/x*')), { exitCode: 2, message: /no executable file/ });
});

t.test('a link to a program is a program; a folder of data is no suite', async (t) => {
  const dir = folder(t, ['real'], { data: 'x' });
  symlinkSync('real', join(dir, 'alias'));
  symlinkSync('nowhere', join(dir, 'dangling'));
  const found = await findPrograms(await loadUserSuite(dir));
  t.same(
    found.map(({ name }) => name),
    ['alias', 'real'],
  );
  await t.rejects(loadUserSuite(t.testdir({ data: 'x' })), { exitCode: 2, message: /no suite/ });
});

t.test('suite.yaml selects, orders and excludes programs and gives deadlines and arguments', async (t) => {
  const yaml = `name: mine
programs:
  include: ['*.t']
  exclude: { 'slow*': needs an hour }
  order: [z.t]
  timeoutSeconds: 5
  timeouts: { 'io-*': 90 }
  args: { io-read.t: [/dev/nvme0n1], '*': [-v] }
env: { COLOUR: red }
`;
  const dir = folder(t, ['a.t', 'io-read.t', 'slow.t', 'z.t', 'helper.sh'], { 'suite.yaml': yaml });
  const suite = await loadUserSuite(dir);
  t.ok(suite.timeoutSeconds > 3600, 'the deadline of the whole is no limit for programs with their own');
  t.match(await findPrograms(suite), [
    { name: 'z.t', timeoutSeconds: 5, args: ['-v'] },
    { name: 'a.t', timeoutSeconds: 5 },
    { name: 'io-read.t', timeoutSeconds: 90, args: ['/dev/nvme0n1'] },
    { name: 'slow.t', skip: 'needs an hour' },
  ]);
});

t.test('each pattern that matches nothing is a mistake, all at once', async (t) => {
  const dir = folder(t, ['a.t']);
  const programs = ProgramSet.parse({ include: ['*.t', '*.x'], exclude: { 'a.tt': 'why' }, order: ['b.t'] });
  await t.rejects(findPrograms({ dir, programs }), {
    exitCode: 2,
    message: /include: \*\.x[\s\S]*expected: one of a\.t[\s\S]*exclude: a\.tt[\s\S]*order: b\.t/,
  });
});

t.test('suite.yaml with fields that contradict each other is refused with every problem', async (t) => {
  const write = (yaml: string) => folder(t, ['a'], { 'suite.yaml': `name: x\n${yaml}` });
  await t.rejects(loadUserSuite(write('run: [./a]\nprograms: {}\n')), {
    exitCode: 2,
    message: /exclude each other/,
  });
});

t.test('suite.yaml with files or env but no program is refused', async (t) => {
  const dir = folder(t, ['a'], { 'suite.yaml': 'name: x\nfiles: [data]\nenv: { A: b }\n' });
  await t.rejects(loadUserSuite(dir), { exitCode: 2, message: /`files` needs[\s\S]*`env` needs/ });
});
