/** A test whose agent cannot report it, because its process cannot run. */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { Watchdog } from './watchdog.ts';

/** `quiet` when the watchdog says nothing for a time that is far longer than its deadlines here. */
const said = (watchdog: Watchdog) => Promise.race([watchdog.stuck, delay(300, 'quiet')]);

t.test(
  'the first announced test without a result is stuck when its deadline and the slack have passed',
  async (t) => {
    using watchdog = new Watchdog({ testMs: 5, slackMs: 1 });
    for (const name of ['opens', 'hangs', 'closes']) watchdog.announce(name);
    watchdog.report('opens');
    t.same(await watchdog.stuck, { name: 'hangs', deadlineMs: 5, waitedMs: 6 });
  },
);

t.test('a test has its own deadline, and a guest that counts instructions more time', async (t) => {
  using watchdog = new Watchdog({ testMs: 60_000, slackMs: 2, isCounting: true });
  watchdog.announce('hangs', 1);
  t.same(await watchdog.stuck, { name: 'hangs', deadlineMs: 1, waitedMs: 12 });
});

t.test('nothing is stuck when no test waits, none is announced, or the suite has ended', async (t) => {
  const silent = [0, 1, 2].map(() => new Watchdog({ testMs: 1, slackMs: 1 }));
  silent[1]?.announce('ends');
  silent[1]?.report('ends');
  silent[2]?.announce('is left behind');
  silent[2]?.[Symbol.dispose]();
  for (const watchdog of silent) t.equal(await said(watchdog), 'quiet');
});

t.test('a result that has arrived unread while the lab was held up counts', async (t) => {
  using watchdog = new Watchdog({ testMs: 5, slackMs: 1 });
  watchdog.announce('ends late');
  // The timer is due, and so is what reports the result.
  setImmediate(() => setImmediate(() => watchdog.report('ends late')));
  const until = performance.now() + 50;
  while (performance.now() < until);
  t.equal(await said(watchdog), 'quiet');
});
