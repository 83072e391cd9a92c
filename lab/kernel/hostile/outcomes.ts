import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { trySandbox } from '../../core/sandbox.ts';
import type { Aim } from './attack.ts';
import { attacks } from './index.ts';
import { withKey } from './keys.ts';
import type { Outcome } from './trial.ts';

const RUNNER = join(import.meta.dirname, 'runner.ts');
/** The user and group `nobody`. */
const NOBODY = 65_534;

const command = [process.execPath, '--import=tsx', RUNNER];
/** Put before a command line: the command runs as `nobody`. */
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];

/** Runs attacks in a folder of the user; a folder outside the checkout, so that the paths of sockets are short enough. */
async function outcomes(t: Test, aims: readonly Aim[], prefix: readonly string[]): Promise<Outcome[]> {
  const dir = mkdtempSync('/var/tmp/ringlab-');
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o700);
  if (prefix.length > 0) chownSync(dir, NOBODY, NOBODY);
  const [file = '', ...args] = [...prefix, ...withKey, ...command, dir, aims.join(',')];
  const env = { PATH: process.env.PATH, HOME: dir, TMPDIR: dir };
  const { stdout } = await promisify(execFile)(file, args, { env, maxBuffer: 64 << 20 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Why attacks cannot be tried as another user; undefined when they can. */
async function whyNotNobody(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'the tests run as an ordinary user already';
  const [file = '', ...args] = [...asNobody, process.execPath, '--import=tsx', '--eval', ''];
  const cwd = import.meta.dirname;
  return promisify(execFile)(file, args, { cwd, env: { PATH: process.env.PATH } }).then(
    () => undefined,
    () => 'other users may not read this checkout',
  );
}

/** A test that attacks of these aims have no effect, as the user of the tests or as an ordinary one. */
export async function testHarmless(aims: readonly Aim[], user: 'self' | 'nobody'): Promise<void> {
  const sandbox = await trySandbox();
  const reason = sandbox === undefined ? undefined : `no sandbox on this machine: ${sandbox}`;
  const skip = reason ?? (user === 'nobody' ? await whyNotNobody() : undefined) ?? false;
  const title = `no patch with the aim to ${aims.join(', ')} has an effect outside its build`;
  await t.test(`${title}, as ${user}`, { skip }, async (t) => {
    const expected = attacks.filter(({ aim }) => aims.includes(aim));
    const all = await outcomes(t, aims, user === 'nobody' ? asNobody : []);
    t.equal(all.length, expected.length + 1, 'attacks tried, and the base after them');
    for (const { aim, name, ended, problems, seconds } of all)
      t.same(problems, [], `${aim}: ${name} (${ended} after ${seconds} s)`);
  });
}
