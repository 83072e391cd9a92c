/** What is checked before anything is built. */
import t from 'tap';
import { InputError } from '../core/errors.ts';
import { checkPlan } from './validate.ts';

t.test('a wrong setting of the environment is named with the other problems of a request', async (t) => {
  process.env.RINGLAB_TEMPLATES_MIB = '1 GiB';
  t.teardown(() => delete process.env.RINGLAB_TEMPLATES_MIB);
  const config = { start: '/no/config', fragments: [], debug: false };
  const ctx = { signal: new AbortController().signal, emit: () => {} };
  const error = await checkPlan({ sources: [], config, pairs: [] }, ctx).catch((thrown) => thrown);
  t.type(error, InputError);
  t.match(error.message, /RINGLAB_TEMPLATES_MIB: "1 GiB" is no size/);
  t.match(error.message, /no config file \/no\/config/);
});
