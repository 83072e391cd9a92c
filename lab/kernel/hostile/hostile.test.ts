import t from 'tap';
import { trySandbox } from '../../core/sandbox.ts';
import { attacks } from './index.ts';
import { assertHarmless, outcomes } from './outcomes.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

t.test('no hostile patch has an effect outside its build', { skip }, async (t) => {
  t.ok(attacks.length >= 60, 'at least sixty attacks');
  t.equal(new Set(attacks.map(({ name }) => name)).size, attacks.length, 'their names differ');
  assertHarmless(t, await outcomes(t, []));
});
