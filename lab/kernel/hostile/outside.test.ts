import t from 'tap';
import { AIMS } from './attack.ts';
import { attacks } from './index.ts';
import { testHarmless } from './outcomes.ts';

t.test('the table of hostile patches', async (t) => {
  t.ok(attacks.length >= 60, 'at least sixty attacks');
  t.equal(new Set(attacks.map(({ name }) => name)).size, attacks.length, 'their names differ');
});

await testHarmless(AIMS.outside, 'self');
