import { constants } from 'node:os';
import { LabError } from '../core/errors.ts';
import type { Child } from '../core/process.ts';
import type { ConsoleLog } from './console.ts';
import { panicIn, type QemuEnd } from './death.ts';
import type { ControlSocket, Qmp } from './qmp.ts';

/** Characters kept of QEMU's standard error. */
const STDERR_KEPT = 8 << 10;
/** After a panic the guest resets at once (panic=-1), unless the user's kernel arguments override that. */
const PANIC_GRACE_MS = 5_000;

/** What shows how a QEMU ends: its process and the channels to it. */
export interface EndSources {
  /** Name of the guest, for errors. */
  name: string;
  child: Pick<Child, 'ended' | 'stop' | 'stderr'>;
  console: ConsoleLog;
  /** Resolves when the console's reader has ended: to why output may be missing, or undefined. */
  incomplete: Promise<string | undefined>;
  control: Pick<ControlSocket, 'settled'>;
  qmp: Promise<Qmp>;
}

function keepStderr(stderr: NodeJS.ReadableStream): () => string {
  let text = '';
  stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-STDERR_KEPT);
  });
  return () => text;
}

/**
 * Records the panic, the reason of the shutdown and the flood. Ends a QEMU whose guest has shut down or reset: it stays until then
 * (-no-shutdown), so that its end never overtakes the reason. Ends one that outlives a panic, or whose guest prints too much.
 */
function observe({ console, qmp, child }: EndSources) {
  const observed: Pick<QemuEnd, 'panic' | 'shutdown' | 'flood'> & { timer?: NodeJS.Timeout } = {};
  const kill = () => void child.stop();
  const stop = console.watch((line) => {
    const panic = panicIn(line);
    if (panic === undefined) return;
    observed.panic = panic;
    observed.timer = setTimeout(kill, PANIC_GRACE_MS);
    stop();
  });
  void console.full.then(() => {
    observed.flood = `the guest was ended: it printed more than ${console.limit >> 20} MiB on its console`;
    kill();
  });
  const onChannel = (channel: Qmp) =>
    channel.onEvent(({ event, data }) => {
      if (event !== 'SHUTDOWN') return;
      // A second one is the consequence of the lab's signal.
      observed.shutdown ??= String(data.reason);
      // On a signal from outside QEMU ends by itself.
      if (!observed.shutdown.startsWith('host-')) kill();
    });
  void qmp.then(onChannel, () => {});
  return observed;
}

/** bubblewrap reports a program that signal n ended by its exit code, 128 + n, which QEMU itself never exits with. */
function exitOf(code: number | null): Pick<QemuEnd, 'code' | 'signal'> {
  const signal = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128);
  return signal ? { code: null, signal: signal[0] } : { code, signal: null };
}

/**
 * Waits for the end of a QEMU and gathers what every channel says of it, in whatever order they report: the process has ended, the
 * console is in its file, and each QMP event that was sent has been handled. Never rejects.
 */
export async function qemuEnd(sources: EndSources): Promise<QemuEnd> {
  const { name, child, console, incomplete, control, qmp } = sources;
  const stderr = keepStderr(child.stderr);
  const stderrRead = new Promise((resolve) => child.stderr.once('close', resolve));
  const observed = observe(sources);
  const { code, signal } = await child.ended;
  await Promise.all([console.drained, stderrRead]);
  const reason = await incomplete;
  if (reason) console.fail(new LabError(`the console of ${name} is incomplete: ${reason}`));
  clearTimeout(observed.timer);
  // A QEMU that failed early has not connected.
  if (await control.settled()) await (await qmp).closed;
  const { timer: _timer, ...reasons } = observed;
  return { ...(signal ? { code, signal } : exitOf(code)), stderr: stderr(), ...reasons };
}
