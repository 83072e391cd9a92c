/** Complaints of consoles that the lab could not keep whole. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { complaintsOf, runningTestOf } from './complaints.ts';

const consoleOf = (t: Test, text: string) => ({
  consoleFile: join(t.testdir({ 'console.log': text }), 'console.log'),
  checkConsole() {},
});

const KASAN = '[    9.500000] BUG: KASAN: slab-out-of-bounds in ring_fill+0x8/0x90\n';
const BEGUN = '[    9.100000] ringlab: begin "fills a ring"\n';

t.test('complaints and the running test are those of a whole console', async (t) => {
  const console = consoleOf(t, BEGUN + KASAN);
  t.match(await complaintsOf(console), [{ fatal: true, test: 'fills a ring' }]);
  t.equal(await runningTestOf(console), 'fills a ring');
});

t.test('a console that is not whole has neither: what is missing may be a complaint', async (t) => {
  const cut = {
    ...consoleOf(t, '[    9.0] all is well\n'),
    checkConsole() {
      throw new Error('no space is left');
    },
  };
  await t.rejects(complaintsOf(cut), /no space is left/);
  await t.rejects(runningTestOf(cut), /no space is left/);
});
