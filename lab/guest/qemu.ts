import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, run, start } from '../core/process.ts';
import { Resources } from '../core/resource.ts';
import type { BootPaths } from './command.ts';
import { ConsoleLog } from './console.ts';
import { type EndOfQemu, panicIn } from './death.ts';
import { within } from './patience.ts';
import { listenOnce, Qmp } from './qmp.ts';
import { Qtest } from './qtest.ts';

const STDERR_BYTES = 8 << 10;
/** After a panic QEMU ends by itself (panic=-1, -no-reboot) unless somebody's kernel arguments say otherwise. */
const PANIC_GRACE_MS = 5_000;
/** A connection that QEMU made before it ended is here by then. */
const CONNECT_MS = 200;
/** What the console's pipe holds when QEMU ends is read by then. */
const READER_MS = 2_000;

/** A running QEMU: its process, console and control channels. */
export interface Machine extends AsyncDisposable {
  readonly child: Child;
  readonly console: ConsoleLog;
  readonly qmp: Promise<Qmp>;
  readonly qtest: Promise<Qtest>;
  readonly startedAt: number;
  /** Resolves when QEMU is gone and its console is in the file; never rejects. */
  readonly ended: Promise<EndOfQemu>;
  kill(): void;
}

function keepStderr(child: Child): () => string {
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-STDERR_BYTES);
  });
  return () => text;
}

/** Notes what only shows while QEMU runs, and makes sure that a panic is an end. */
function observe(console: ConsoleLog, qmp: Promise<Qmp>, kill: () => void) {
  const seen: { panic?: string; shutdown?: string; timer?: NodeJS.Timeout } = {};
  const stop = console.watch((line) => {
    const panic = panicIn(line);
    if (panic === undefined) return;
    seen.panic = panic;
    seen.timer = setTimeout(kill, PANIC_GRACE_MS);
    stop();
  });
  void qmp.then(
    (channel) =>
      channel.onEvent(({ event, data }) => {
        if (event === 'SHUTDOWN') seen.shutdown = String(data.reason);
      }),
    () => {},
  );
  return seen;
}

/**
 * Starts a program whose output is lost if it cannot be written at once. QEMU's serial port gives up on a byte after four tries,
 * and Node's own pipes are sockets, which are full after some hundred single bytes: the console had holes when the lab was
 * busy. So the program writes to a pipe proper, which takes 64 KiB, and `cat` keeps it empty.
 */
async function startWithOutput(program: string, args: readonly string[], path: string, resources: Resources) {
  await run('mkfifo', ['-m', '600', path]);
  // For reading and writing, since to open it for one of them would wait for the other.
  const write = openSync(path, constants.O_RDWR);
  const read = openSync(path, constants.O_RDONLY);
  unlinkSync(path);
  try {
    const reader = start('cat', [], { stdinFd: read, graceMs: 1000 });
    // It has read to the end when it ends by itself, soon after the program has.
    resources.defer(() => within(READER_MS, reader.ended).then(() => reader.stop()));
    const child = resources.use(start(program, args, { stdoutFd: write, graceMs: 1000 }));
    return { child, output: reader.stdout };
  } finally {
    // The program is the only writer then, and its end is the end of the output.
    closeSync(write);
    closeSync(read);
  }
}

/** Starts QEMU. It is gone when the result is disposed, and its sockets and console are closed. */
export async function startQemu(command: readonly string[], dir: string, paths: BootPaths): Promise<Machine> {
  await using resources = new Resources();
  const listening = {
    qmp: resources.use(await listenOnce(paths.qmp)),
    qtest: resources.use(await listenOnce(paths.qtest)),
  };
  const [program = '', ...args] = command;
  const startedAt = performance.now();
  const { child, output } = await startWithOutput(program, args, join(dir, 'console.pipe'), resources);
  child.stdin.end();
  const stderr = keepStderr(child);
  const console = new ConsoleLog(output, join(dir, 'console.log'));
  const qmp = listening.qmp.connection.then((socket) => new Qmp(socket));
  const qtest = listening.qtest.connection.then((socket) => new Qtest(socket));
  const kill = () => void child.stop();
  const seen = observe(console, qmp, kill);
  const ended = child.ended.then(async ({ code, signal }) => {
    await console.drained;
    clearTimeout(seen.timer);
    // Its last event, which says why it ended, may still be on the way; a QEMU that never got so far has no channel.
    await (await within(CONNECT_MS, qmp))?.closed;
    const { panic, shutdown } = seen;
    return { code, signal, stderr: stderr(), ...(panic && { panic }), ...(shutdown && { shutdown }) };
  });
  const owned = resources.move();
  const dispose = async () => {
    await owned[Symbol.asyncDispose]();
    await ended;
  };
  return { child, console, qmp, qtest, startedAt, ended, kill, [Symbol.asyncDispose]: dispose };
}
