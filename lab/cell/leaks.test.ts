/** Scans of kmemleak in a guest whose commands run here. */

import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Guest } from '../model/machine.ts';
import { scanForLeaks } from './leaks.ts';
import { localGuest as guest } from './testing/local-guest.ts';

const MIB = 1 << 20;
const rss = () => process.memoryUsage().rss;

t.test('a report of kmemleak without end is cut at 1 MiB or its deadline, and says so', async (t) => {
  const { signal } = new AbortController();
  const before = rss();
  const endless = {
    ...guest,
    exec: (_: string, options?: object) => guest.exec('yes "unreferenced object"', options),
  };
  const { report, cut } = await scanForLeaks(endless, signal);
  t.equal(report.length, MIB, 'characters of the report');
  t.match(cut, /more than 1 MiB/);
  t.ok(rss() - before < 128 * MIB, 'growth of resident memory');
  const silent = {
    ...guest,
    exec: (_: string, options?: object) => guest.exec('echo begun; sleep 1000', options),
  };
  t.match(await scanForLeaks(silent, signal, { deadlineMs: 500 }), {
    report: 'begun\n',
    cut: /did not end its report within 0.5 s/,
  });
  const short = { ...guest, exec: (_: string, options?: object) => guest.exec('echo all', options) };
  t.same(await scanForLeaks(short, signal), { report: 'all\n' });
});

const whole = new AbortController().signal;
const LEAK = 'unreferenced object 0xffff888004d2e000 (size 64):';

/**
 * A guest whose kmemleak is a file here. As in the kernel, one that is off can be read and refuses every command. It is switched off
 * by `give_up` in one of the shell functions that stand for the commands of the scan.
 */
function leakyGuest(t: Test, { before = ':', sleep = ':', read = ':' }): Guest {
  const file = join(t.testdir({ kmemleak: '' }), 'kmemleak');
  const prelude = `
    give_up() { touch ${file}.off; }
    echo() { [ ! -e ${file}.off ]; }
    cat() { printf '%s' '${LEAK}'; ${read}; }
    sleep() { ${sleep}; }
    ${before}
  `;
  const exec: Guest['exec'] = (command, options) =>
    guest.exec(`${prelude}${command.replaceAll('/sys/kernel/debug/kmemleak', file)}`, options);
  return { ...guest, exec };
}

t.test('the report of a kmemleak that is on is whole', async (t) => {
  t.same(await scanForLeaks(leakyGuest(t, {}), whole), { report: LEAK });
});

for (const [when, turn] of [
  ['before the scan', { before: 'give_up' }],
  ['between two scans', { sleep: 'give_up' }],
  ['while the report is read', { read: 'give_up' }],
] as const) {
  t.test(
    `a kmemleak that switched itself off ${when} leaves a cut report with the leaks so far`,
    async (t) => {
      const scan = await scanForLeaks(leakyGuest(t, turn), whole);
      t.match(scan, { report: LEAK, cut: /kmemleak is off/ });
    },
  );
}

t.test('a missing kmemleak is no gap only for a kernel that is configured without it', async (t) => {
  const exec: Guest['exec'] = (command, options) =>
    guest.exec(command.replaceAll('/sys/kernel/debug/kmemleak', '/no/such/file'), options);
  const bare = { ...guest, exec };
  t.same(await scanForLeaks(bare, whole), { report: '' });
  t.match(await scanForLeaks(bare, whole, { isConfigured: true }), {
    report: '',
    cut: /kmemleak has no file in \/sys\/kernel\/debug/,
  });
});

const { signal } = new AbortController();
const dying = (exec: Guest['exec'], death: Guest['death'] = new Promise(() => {})) =>
  scanForLeaks({ ...guest, exec, death }, signal, { graceMs: 100 });

t.test('a scan that did not end by itself is cut, and says how it ended', async (t) => {
  t.same(await dying(async () => ({ code: 1 })), {
    report: '',
    cut: 'the scan of kmemleak ended with code 1',
  });
  t.match(await dying(async () => ({ code: null, signal: 'KILL' })), { cut: /was ended by KILL/ });
  t.match(await dying(async () => ({ code: null })), { cut: /was ended by a lost connection/ });
  const refusal = () => Promise.reject(new Error('no more channels'));
  t.match(await dying(refusal), { cut: /could not be run: no more channels/ });
});

t.test(
  'the death of the guest explains a scan that did not end; what had been reported is kept',
  async (t) => {
    const death = { kind: 'silent' as const, title: 'the guest stopped answering', tail: 'x' };
    const half = async (_: string, { onStdout }: Parameters<Guest['exec']>[1] = {}) => {
      onStdout?.(Buffer.from('unreferenced object 0x1\n'));
      return { code: null };
    };
    t.same(await dying(half, Promise.resolve(death)), { report: 'unreferenced object 0x1\n', death });
  },
);

t.test('an abort ends the wait for the death of the guest', async (t) => {
  const abort = new AbortController();
  const lost = { ...guest, exec: async () => ({ code: null }) };
  const scan = scanForLeaks(lost, abort.signal, { graceMs: 600_000 });
  setImmediate(() => abort.abort(new Error('enough')));
  await t.rejects(scan, /enough/);
});
