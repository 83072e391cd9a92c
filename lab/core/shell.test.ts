import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { trySandbox } from './sandbox.ts';
import { shell } from './shell.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

function set(t: Test) {
  const dir = t.testdir({ in: {} });
  const cwd = join(dir, 'in');
  return { dir, cwd, access: { writable: [cwd], readable: [], cwd } };
}

t.test('a value stays one word, and each element of an array is one word', async (t) => {
  const $ = shell({ access: set(t).access });
  const value = `a b $(touch pwned) 'c' "d" \\ \n*`;
  t.equal((await $`printf %s ${value}`).stdout, value);
  t.equal((await $`printf '[%s]' ${['x y', 'z']}`).stdout, '[x y][z]');
});

t.test('a step runs in its folder and fails with its exit code and stderr', async (t) => {
  const { cwd, access } = set(t);
  const $ = shell({ access });
  t.equal((await $`pwd`).stdout, `${cwd}\n`);
  await t.rejects($`echo why >&2; exit 3`, { message: /code 3\nwhy/, exitCode: 3 });
});

t.test("a step does not read the user's bashrc", async (t) => {
  const dir = t.testdir({ '.bashrc': 'echo from bashrc\n' });
  const env = { PATH: process.env.PATH ?? '', HOME: dir };
  const $ = shell({ access: { writable: [dir], readable: [], cwd: dir, env } });
  t.equal((await $`echo from the step`).stdout, 'from the step\n');
});

t.test('an aborted step ends with the abort reason', async (t) => {
  const abort = new AbortController();
  const onLine = () => abort.abort(new Error('stopped by the user'));
  const $ = shell({ access: set(t).access, signal: abort.signal, onLine });
  await t.rejects($`echo started; sleep 1000 & wait`, { message: 'stopped by the user' });
});

t.test('a sandboxed step writes to its folder only and has no network', { skip }, async (t) => {
  const { dir, cwd, access } = set(t);
  const $ = shell({ access });
  await $`echo x > inside`;
  t.ok(existsSync(join(cwd, 'inside')));
  await $`echo x > ${join(dir, 'outside')} || true`;
  t.notOk(existsSync(join(dir, 'outside')), 'the write went to a private copy of /tmp, or failed');
  await t.rejects($`echo x > /etc/ringlab-test`, /Read-only file system/);
  const { stdout } = await $`tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '`;
  t.equal(stdout, 'lo\n');
});

t.test('trySandbox gives the reason when bubblewrap is missing', async (t) => {
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const bin = t.testdir({ setpriv: t.fixture('symlink', '/usr/bin/setpriv') });
  process.env.PATH = bin;
  t.match(await trySandbox(), /bwrap: command not found/);
});

t.test('trySandbox gives the last line of a bubblewrap that fails', async (t) => {
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const bin = t.testdir();
  const script =
    '#!/bin/sh\necho one >&2\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n';
  writeFileSync(join(bin, 'bwrap'), script, { mode: 0o755 });
  process.env.PATH = `${bin}:${path}`;
  t.equal(await trySandbox(), 'bwrap: No permissions to create new namespace');
});
