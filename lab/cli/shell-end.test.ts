/** Exit codes of a shell in a guest: of the command, of a signal, of a death, of the lab. */
import t, { type Test } from 'tap';
import type { Guest, GuestDeath } from '../model/machine.ts';
import { endOfCommand, endOfTerminal } from './shell-end.ts';
import { stderr } from './terminal.ts';

const { signal } = new AbortController();
const never = new Promise<never>(() => {});
const tail = '[    1.2] <TASK>\n[    1.3] ---[ end Kernel panic ]---';
const death = (kind: GuestDeath['kind'], title: string): GuestDeath => ({ kind, title, tail });
const guestOf = (end: Promise<GuestDeath>, log = '', code: number | null = 0) => ({
  death: end,
  consoleText: () => log,
  exec: async () => ({ code }),
});

/** What is printed on standard error until the test ends. */
function printed(t: Test): { text: string } {
  const said = { text: '' };
  const write = t.intercept(stderr, 'write', {
    value: (text: string) => {
      said.text += text;
    },
  });
  t.teardown(() => write.restore());
  return said;
}

t.test('the exit code is that of the command, or 128 + n for signal n', async (t) => {
  const alive = guestOf(never);
  for (const code of [0, 1, 3, 126, 127, 255])
    t.equal(await endOfCommand(alive, Promise.resolve({ code }), signal), code);
  const ended = (name: string) => endOfCommand(alive, Promise.resolve({ code: null, signal: name }), signal);
  t.equal(await ended('KILL'), 137);
  t.equal(await ended('SIGKILL'), 137);
  t.equal(await ended('SEGV'), 139);
});

t.test('a kernel that dies gives 1, with its panic and the last lines of the console', async (t) => {
  const ends: [GuestDeath['kind'], string][] = [
    ['panic', 'Kernel panic - not syncing: Fatal exception'],
    ['reboot', 'the guest rebooted without being asked to'],
    ['exit', 'the guest powered off without being asked to'],
    ['silent', 'the guest stopped answering (Keepalive timeout)'],
    ['flood', 'the guest printed more than 256 MiB'],
  ];
  for (const [kind, title] of ends) {
    const late = Promise.resolve().then(() => death(kind, title));
    const cases: [string, () => Promise<number>][] = [
      ['the death is reported first', () => endOfCommand(guestOf(late), never, signal)],
      [
        'the connection breaks first',
        () => endOfCommand(guestOf(late), Promise.resolve({ code: null }), signal),
      ],
      ['ssh ends first', () => endOfTerminal(guestOf(late, '', null), 255, signal)],
    ];
    for (const [name, act] of cases)
      await t.test(`${kind}: ${name}`, async (t) => {
        const said = printed(t);
        t.equal(await act(), 1, 'exit code');
        t.ok(said.text.includes(title) && said.text.includes(tail), said.text);
      });
  }
});

t.test('a panic that follows the end of the command outranks its exit code', async (t) => {
  const said = printed(t);
  const panic = 'Kernel panic - not syncing: late';
  const late = new Promise<GuestDeath>((resolve) => setImmediate(resolve, death('panic', panic)));
  const log = `[ 1.0] ${panic}\n`;
  t.equal(await endOfCommand(guestOf(late, log), Promise.resolve({ code: 0 }), signal), 1, 'command');
  t.equal(await endOfTerminal(guestOf(late, log), 0, signal), 1, 'terminal');
  t.match(said.text, /not syncing: late/);
});

t.test('a fault of the lab is a LabError with its reason', async (t) => {
  for (const kind of ['qemu', 'signal'] as const) {
    const gone = guestOf(Promise.resolve(death(kind, 'QEMU was ended from outside by SIGKILL')));
    const fault = { exitCode: 3, message: /ended from outside by SIGKILL/ };
    await t.rejects(endOfCommand(gone, never, signal), fault, kind);
    await t.rejects(endOfTerminal(gone, 255, signal), fault, kind);
  }
  const broken = endOfCommand(guestOf(never), Promise.resolve({ code: null }), signal, 1);
  await t.rejects(broken, { exitCode: 3, message: /connection to the guest broke/ });
});

t.test('a last command that ends with 255 in a guest that lives on gives 255', async (t) => {
  t.equal(await endOfTerminal(guestOf(never), 255, signal), 255);
  t.equal(await endOfTerminal(guestOf(never), 7, signal), 7);
});

t.test('an abort while the death is awaited is thrown', async (t) => {
  const stop = new AbortController();
  const waiting = endOfCommand(
    guestOf(never as Guest['death']),
    Promise.resolve({ code: null }),
    stop.signal,
  );
  stop.abort(new Error('interrupted'));
  await t.rejects(waiting, /interrupted/);
});
