import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { attacks } from './index.ts';
import { withKey } from './keys.ts';
import type { Outcome } from './trial.ts';

const RUNNER = join(import.meta.dirname, 'runner.ts');
/** The user and group `nobody`. */
export const NOBODY = 65_534;

const command = [process.execPath, '--import=tsx', RUNNER];
/** Put before a command line: the command runs as `nobody`. */
export const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];

/** Runs all attacks in a folder of the user; a folder outside the checkout, so that the paths of sockets are short enough. */
export async function outcomes(t: Test, prefix: readonly string[], uid?: number): Promise<Outcome[]> {
  const dir = mkdtempSync('/var/tmp/ringlab-');
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o700);
  if (uid !== undefined) chownSync(dir, uid, uid);
  const [file = '', ...args] = [...prefix, ...withKey, ...command, dir];
  const env = { PATH: process.env.PATH, HOME: dir, TMPDIR: dir };
  const { stdout } = await promisify(execFile)(file, args, { env, maxBuffer: 64 << 20 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Asserts that all attacks were tried and none had an effect. */
export function assertHarmless(t: Test, all: readonly Outcome[]): void {
  t.equal(all.length, attacks.length + 1, 'attacks tried, and the base after them');
  for (const { aim, name, ended, problems, seconds } of all)
    t.same(problems, [], `${aim}: ${name} (${ended} after ${seconds} s)`);
}
