/** Every kind of death, with its facts in every order in which process, QMP, console and SSH may report them. */
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { VerdictError } from '../core/errors.ts';
import type { GuestDeath, GuestRequest } from '../model/machine.ts';
import { ConsoleLog } from './console.ts';
import type { Machine } from './qemu.ts';
import { qemuEnd } from './qemu-end.ts';
import { Qmp } from './qmp.ts';
import { waitUntilReady } from './ready.ts';
import type { Keys } from './seed.ts';
import type { SshLink } from './ssh.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from './timeouts.ts';
import { watchForDeath } from './watch.ts';

/** So long that no fact of these tests comes later, and the shortest for those where none comes. */
const PATIENT: Timeouts = { ...DEFAULT_TIMEOUTS, shutdownMs: 60_000 };
const HASTY: Timeouts = { ...PATIENT, shutdownMs: 1 };

/** A death as its facts, each over a separate channel. */
interface Death {
  kind: GuestDeath['kind'];
  /** Reason of QMP's SHUTDOWN event. */
  shutdown?: string;
  console?: string;
  stderr?: string;
  /** How the process ends by itself; absent: it waits until the lab ends it. */
  exit?: { code: number | null; signal: string | null };
}

const PANIC = '[    9.1] Kernel panic - not syncing: stack is corrupted\r\n';
const deaths: Record<string, Death> = {
  'a reboot': { kind: 'reboot', shutdown: 'guest-reset', console: '[    9.0] reboot: machine restart\r\n' },
  'a triple fault': { kind: 'reboot', shutdown: 'guest-reset' },
  'a power-off': { kind: 'exit', shutdown: 'guest-shutdown', console: '[    9.0] reboot: Power down\r\n' },
  'a panic': { kind: 'panic', shutdown: 'guest-reset', console: PANIC },
  'a panic with a QEMU that ends by itself': {
    ...{ kind: 'panic', shutdown: 'guest-reset', console: PANIC },
    exit: { code: 0, signal: null },
  },
  'a reboot with a QEMU that ends by itself': {
    ...{ kind: 'reboot', shutdown: 'guest-reset' },
    exit: { code: 0, signal: null },
  },
  'QEMU killed from outside': { kind: 'signal', exit: { code: null, signal: 'SIGKILL' } },
  'QEMU killed within its sandbox, as for want of memory': {
    kind: 'signal',
    exit: { code: 137, signal: null },
  },
  'QEMU terminated from outside': {
    ...{ kind: 'signal', shutdown: 'host-signal', stderr: 'qemu: terminating on signal 15 from pid 7' },
    exit: { code: 0, signal: null },
  },
  'a crash of QEMU': { kind: 'qemu', exit: { code: 139, signal: null }, console: '[    9.0] busy\r\n' },
  'a QEMU that gives up': { kind: 'qemu', stderr: 'qemu: cannot allocate', exit: { code: 1, signal: null } },
};

/** Orders of the items. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, at) =>
    permutations(items.filter((_, index) => index !== at)).map((rest) => [item, ...rest]),
  );
}

/** A QEMU of streams. Its facts are delivered one at a time, in an order that the test chooses. */
function fakeMachine(t: Test, death: Death, index: number) {
  const [output, stderr] = [new PassThrough(), new PassThrough()];
  // The lab's side of QMP.
  const socket = new Duplex({ allowHalfOpen: false, read() {}, write: (_chunk, _encoding, done) => done() });
  let exit: (end: { code: number | null; signal: string | null }) => void = () => {};
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    exit = resolve;
  });
  let hasEnded = false;
  const end = (how: { code: number | null; signal: string | null }) => {
    if (hasEnded) return;
    hasEnded = true;
    exit(how);
  };
  let cutSsh: (reason: string) => void = () => {};
  const closed = new Promise<string>((resolve) => {
    cutSsh = resolve;
  });
  /** Each channel: what it says, then its end. */
  const channels: Record<string, () => void> = {
    qmp: () => {
      if (death.shutdown) {
        const event = { event: 'SHUTDOWN', data: { guest: true, reason: death.shutdown } };
        socket.push(`${JSON.stringify(event)}\n`);
      }
      socket.push(null);
    },
    console: () => output.end(death.console ?? ''),
    stderr: () => stderr.end(death.stderr ?? ''),
    ssh: () => cutSsh('the connection was closed'),
    ...(death.exit ? { exit: () => death.exit && end(death.exit) } : {}),
  };
  const stop = async () => end({ code: null, signal: 'SIGTERM' });
  const child = { ended, stop, stderr, pid: 0 } as unknown as Machine['child'];
  const console = new ConsoleLog(output, join(t.testdirName, `console-${index}.log`));
  const qmp = Promise.resolve(new Qmp(socket as ConstructorParameters<typeof Qmp>[0]));
  const control = { settled: async () => true };
  const sources = { name: 'fake', child, console, incomplete: Promise.resolve(undefined), control, qmp };
  const machine: Machine = {
    ...{ child, confinement: [], console, qmp, qtest: new Promise(() => {}), startedAt: 0 },
    ...{ ended: qemuEnd(sources), isRunning: () => !hasEnded, kill: () => void stop() },
    [Symbol.asyncDispose]: async () => {},
  };
  return { machine, channels, link: { closed } as unknown as SshLink };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Delivers each fact in the order; `turns` of the event loop between two. */
async function deliver(channels: Record<string, () => void>, order: readonly string[], turns: number) {
  for (const name of order) {
    channels[name]?.();
    for (let left = turns; left > 0; left--) await turn();
  }
}

for (const [what, death] of Object.entries(deaths)) {
  t.test(`${what} is of kind ${death.kind} in every order of its facts`, async (t) => {
    t.testdir({});
    const { channels: names } = fakeMachine(t, death, 0);
    let index = 0;
    for (const order of permutations(Object.keys(names))) {
      for (const turns of [0, 1, 3]) {
        const { machine, channels, link } = fakeMachine(t, death, ++index);
        const watched = watchForDeath(machine, link, PATIENT, () => false);
        await deliver(channels, order, turns);
        const { kind, title } = await watched;
        if (kind !== death.kind) t.equal(`${kind}: ${title}`, death.kind, `${order} with ${turns} turns`);
      }
    }
    t.ok(index >= 72, `orders: ${index}`);
  });

  t.test(`${what} during the boot throws the same error in every order of its facts`, async (t) => {
    t.testdir({});
    const { channels: names } = fakeMachine(t, death, 0);
    const isKernels = !['signal', 'qemu'].includes(death.kind);
    const messages = new Set<string>();
    for (const [index, order] of permutations(
      Object.keys(names).filter((name) => name !== 'ssh'),
    ).entries()) {
      const { machine, channels } = fakeMachine(t, death, index);
      const request = { name: 'k/plain', bootTimeoutMs: 60_000 } as GuestRequest;
      const ctx = { signal: new AbortController().signal, emit: () => {} };
      const booting = waitUntilReady(request, machine, {} as Keys, PATIENT, ctx);
      booting.catch(() => {});
      await deliver(channels, order, 1);
      const error = await booting.then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      messages.add(error?.message.split('\n')[0] ?? 'ready');
      if (error instanceof VerdictError !== isKernels) t.equal(error, isKernels, order.join());
    }
    t.equal(messages.size, 1, [...messages].join(' | '));
  });
}

t.test(
  'a guest whose SSH connection is cut and whose QEMU runs on is silent, not a fault of the lab',
  async (t) => {
    t.testdir({});
    const { machine, channels, link } = fakeMachine(t, { kind: 'silent' }, 1);
    const watched = watchForDeath(machine, link, HASTY, () => false);
    channels.ssh?.();
    void machine.ended;
    // The channels end with the QEMU that the lab ends.
    void machine.child.ended.then(() => deliver(channels, ['qmp', 'console', 'stderr'], 0));
    t.match(await watched, { kind: 'silent', title: /stopped answering \(the connection was closed\)/ });
  },
);

t.test('a reboot is one although the lab has waited as long as it can for the end of QEMU', async (t) => {
  t.testdir({});
  for (const death of [
    deaths['a reboot'],
    deaths['a panic'],
    deaths['QEMU killed from outside'],
  ] as Death[]) {
    const { machine, channels, link } = fakeMachine(t, death, 1);
    const watched = watchForDeath(machine, link, HASTY, () => false);
    channels.ssh?.();
    channels.exit?.();
    void machine.child.ended.then(() => deliver(channels, ['qmp', 'stderr', 'console'], 1));
    t.match(await watched, { kind: death.kind });
  }
});
