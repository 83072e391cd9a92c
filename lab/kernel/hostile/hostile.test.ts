import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { trySandbox } from '../../core/sandbox.ts';
import { attacks } from './index.ts';
import type { Outcome } from './trial.ts';

const RUNNER = join(import.meta.dirname, 'runner.ts');
/** The user and group `nobody`. */
const NOBODY = 65_534;

const command = [process.execPath, '--import=tsx', RUNNER];
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];

/** Runs all attacks in a folder of the user; a folder outside the checkout, so that the paths of sockets are short enough. */
async function outcomes(t: Test, prefix: readonly string[], uid?: number): Promise<Outcome[]> {
  const dir = mkdtempSync('/var/tmp/ringlab-');
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o700);
  if (uid !== undefined) chownSync(dir, uid, uid);
  const [file = '', ...args] = [...prefix, ...command, dir];
  const env = { PATH: process.env.PATH, HOME: dir, TMPDIR: dir };
  const { stdout } = await promisify(execFile)(file, args, { env, maxBuffer: 64 << 20 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function assertHarmless(t: Test, all: readonly Outcome[]): void {
  t.equal(all.length, attacks.length + 1, 'attacks tried, and the base after them');
  for (const { aim, name, ended, problems, seconds } of all)
    t.same(problems, [], `${aim}: ${name} (${ended} after ${seconds} s)`);
}

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;
const timeout = 600_000;

t.test('no hostile patch has an effect outside its build', { skip, timeout }, async (t) => {
  t.ok(attacks.length >= 60, 'at least sixty attacks');
  t.equal(new Set(attacks.map(({ name }) => name)).size, attacks.length, 'their names differ');
  assertHarmless(t, await outcomes(t, []));
});

/** Why the attacks cannot be tried as another user; undefined when they can. */
async function whyNotAsNobody(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'the tests do not run as root: the ordinary user is the one above';
  const [file = '', ...args] = [...asNobody, process.execPath, '--import=tsx', '--eval', ''];
  const cwd = import.meta.dirname;
  return promisify(execFile)(file, args, { cwd, env: { PATH: process.env.PATH } }).then(
    () => undefined,
    () => 'other users may not read this checkout',
  );
}

const refusal = await whyNotAsNobody();
const options = { skip: skip || refusal || false, timeout };
t.test('no hostile patch has an effect outside its build by an ordinary user', options, async (t) => {
  assertHarmless(t, await outcomes(t, asNobody, NOBODY));
});
