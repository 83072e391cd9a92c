/** The command on file systems that are full or read-only: a fault of the lab that names the file system, never a stack. */
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type RunResult, run } from '../core/process.ts';
import { quoted } from '../core/quote.ts';
import { bin } from './testing/ringlab.ts';

const dir = t.testdir({
  cache: {},
  tmp: {},
  small: {},
  linux: { Makefile: 'VERSION = 6\n', Kconfig: 'mainmenu\n', big: 'x'.repeat(1 << 20) },
});
const small = join(dir, 'small');
const patch = join(dir, 'a.patch');
writeFileSync(
  patch,
  'From: A <a@a>\nSubject: [PATCH] x: y\n\nWhy.\n---\n x | 1 +\n\ndiff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+y\n',
);

/** Runs the command where `small` is a full or read-only tmpfs, in a namespace that no other process sees. */
function onSmall(
  state: 'full' | 'read-only' | '300k',
  args: string[],
  env: Record<string, string>,
): Promise<RunResult> {
  const states = {
    full: `mount -t tmpfs -o size=64k,nr_inodes=8 t ${quoted(small)}; mkdir ${quoted(join(small, 'c'))}; ! cat /dev/zero >${quoted(join(small, 'filler'))} 2>/dev/null`,
    'read-only': `mount -t tmpfs -o ro t ${quoted(small)}`,
    '300k': `mount -t tmpfs -o size=300k t ${quoted(small)}; mkdir ${quoted(join(small, 'c'))}`,
  };
  const command = [process.execPath, bin, ...args].map(quoted).join(' ');
  const settings = { RINGLAB_CACHE: join(dir, 'cache'), TMPDIR: join(dir, 'tmp'), NO_COLOR: '1', ...env };
  return run('unshare', ['-rm', 'sh', '-c', `${states[state]} && exec ${command}`], {
    accept: 'any',
    env: settings,
    cwd: dir,
  });
}

/** Checks that a result is a LabError on `small`. */
function isFault(t: Test, result: RunResult, words: RegExp, label: string): void {
  t.equal(result.code, 3, `exit code: ${label}\n${result.stderr}`);
  t.match(result.stderr, words, label);
  t.match(result.stderr, `file system ${small}`, label);
  t.notMatch(result.stderr, /\n {4}at /, `no stack: ${label}`);
}

t.test('a full or read-only cache is named, with the setting that moves it', async (t) => {
  const env = { RINGLAB_CACHE: join(small, 'c') };
  const full = await onSmall('full', ['series', 'import', patch], env);
  isFault(t, full, /no space is left[\s\S]*has the cache[\s\S]*RINGLAB_CACHE/, 'series import');
  const fixed = await onSmall('read-only', ['series', 'import', patch], env);
  isFault(t, fixed, /read-only[\s\S]*has the cache[\s\S]*RINGLAB_CACHE/, 'series import');
});

t.test('a cache that fills up while git writes a source is a fault of the disk', async (t) => {
  const args = ['build', '--tree', join(dir, 'linux')];
  const random = join(dir, 'linux/big');
  writeFileSync(random, readFileSync(process.execPath).subarray(0, 2 << 20));
  isFault(
    t,
    await onSmall('300k', args, { RINGLAB_CACHE: join(small, 'c') }),
    /no space is left[\s\S]*the cache/,
    'build',
  );
});

t.test('a full folder for temporary files is named', async (t) => {
  const args = ['build', '--series', patch, '--tree', join(dir, 'linux')];
  isFault(
    t,
    await onSmall('full', args, { TMPDIR: small }),
    /no space is left[\s\S]*temporary files[\s\S]*TMPDIR/,
    'build',
  );
});

t.test('a report that does not fit on its disk is a fault of the lab', async (t) => {
  const record = join(dir, 'record');
  mkdirSync(record);
  cpSync(join(import.meta.dirname, '../record/fixtures/format-1.json'), join(record, 'run.json'));
  const result = await onSmall('full', ['report', record, '--out', join(small, 'report.txt')], {});
  isFault(t, result, /no space is left/, 'report');
});

t.test('output that does not fit where standard output goes is a fault of the lab', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const result = await run(process.execPath, [bin, '--help'], { accept: 'any', stdoutFd: full });
  t.match(result, { code: 3, stderr: /^ringlab: no space is left/ });
  t.notMatch(result.stderr, /\n {4}at /);
});

t.test('a cache or record with a path that cannot be used is refused at once', async (t) => {
  const refused: [Record<string, string>, string[], RegExp][] = [
    [{ RINGLAB_CACHE: join(dir, 'a b') }, ['build', '--tree', 'linux'], /RINGLAB_CACHE: .*a blank[\s\S]*fix/],
    [{ TMPDIR: join(dir, 'a\tb') }, ['build', '--tree', 'linux'], /TMPDIR: .*control characters/],
  ];
  for (const [env, args, words] of refused) {
    const result = await onSmall('read-only', args, env);
    t.equal(result.code, 2, result.stderr);
    t.match(result.stderr, words);
  }
});
