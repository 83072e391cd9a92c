import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { trySandbox } from '../../core/sandbox.ts';
import { asNobody, assertHarmless, NOBODY, outcomes } from './outcomes.ts';

/** Why the attacks cannot be tried as another user; undefined when they can. */
async function whyNot(): Promise<string | undefined> {
  const reason = await trySandbox();
  if (reason !== undefined) return `no sandbox on this machine: ${reason}`;
  if (process.getuid?.() !== 0) return 'the tests run as an ordinary user already';
  const [file = '', ...args] = [...asNobody, process.execPath, '--import=tsx', '--eval', ''];
  const cwd = import.meta.dirname;
  return promisify(execFile)(file, args, { cwd, env: { PATH: process.env.PATH } }).then(
    () => undefined,
    () => 'other users may not read this checkout',
  );
}

const skip = (await whyNot()) ?? false;
t.test('no hostile patch has an effect outside its build by an ordinary user', { skip }, async (t) => {
  assertHarmless(t, await outcomes(t, asNobody, NOBODY));
});
