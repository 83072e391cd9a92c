/** One place for programs and libraries, by both of their paths. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { mergedPath, mergeUsr } from './usrmerge.ts';

t.test('programs and libraries of both places are found by either path', async (t) => {
  const root = t.testdir({
    bin: { sh: 'shell', tool: t.fixture('symlink', '../usr/bin/tool'), rsh: t.fixture('symlink', 'sh') },
    sbin: { mount: 'new' },
    lib: { triplet: { 'libc.so.6': 'libc' } },
    lib64: { ld: t.fixture('symlink', '/lib/triplet/ld') },
    usr: {
      bin: { tool: 'tool', sh: t.fixture('symlink', '/bin/sh') },
      sbin: { mount: 'old' },
      lib: { triplet: { 'libz.so.1': 'libz' } },
    },
    etc: { passwd: '' },
  });
  await mergeUsr(root);
  await mergeUsr(root);
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const contents = {
    'bin/sh': 'shell',
    'usr/bin/sh': 'shell',
    'bin/tool': 'tool',
    'usr/bin/rsh': 'shell',
    'usr/sbin/mount': 'new',
    'lib/triplet/libc.so.6': 'libc',
    'usr/lib/triplet/libz.so.1': 'libz',
  };
  for (const [path, content] of Object.entries(contents)) t.equal(read(path), content, path);
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    t.equal(readlinkSync(join(root, name)), `usr/${name}`, name);
  t.notOk(existsSync(join(root, 'lib32')), 'a folder that no package has');
});

t.test('a root without these folders gets them, and paths of others stay', async (t) => {
  const root = t.testdir({});
  await mergeUsr(root);
  t.equal(readlinkSync(join(root, 'sbin')), 'usr/sbin');
  t.equal(mergedPath('bin/sh'), 'usr/bin/sh');
  t.equal(mergedPath('usr/bin/sh'), 'usr/bin/sh');
  t.equal(mergedPath('binary'), 'binary');
});
