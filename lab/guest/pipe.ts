import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { run, start } from '../core/process.ts';
import type { Resources } from '../core/resource.ts';
import { within } from './timeouts.ts';

/** The reader has emptied the console's pipe by then. */
const READER_MS = 2_000;

/**
 * Starts a program whose output must always find room. QEMU's serial port drops a byte after four attempts to write it, and the
 * pipes of Node are sockets, which are full after some hundred single bytes: consoles had holes when the lab was busy. So the
 * program writes into a real pipe, which takes 64 KiB, and `cat` empties it. `path`: the pipe while it is opened. `incomplete` resolves when
 * `cat` has ended: to why output may be missing, or undefined. `extraFd`: an open file that the program has as descriptor 3. Throws
 * LabError when `mkfifo` fails or a program cannot be started.
 */
export async function startWithPipe(
  program: string,
  args: readonly string[],
  path: string,
  resources: Resources,
  extraFd?: number,
) {
  await run('mkfifo', ['-m', '600', path]);
  // For reading and writing: opening a FIFO for one of them waits until the other end is open.
  const write = openSync(path, constants.O_RDWR);
  const read = openSync(path, constants.O_RDONLY);
  unlinkSync(path);
  try {
    const reader = start('cat', [], { stdinFd: read, graceMs: 1000 });
    // `cat` ends by itself soon after the program, when it has read everything.
    resources.defer(() => within(READER_MS, reader.ended).then(() => reader.stop()));
    const child = resources.use(start(program, args, { stdoutFd: write, extraFd, graceMs: 1000 }));
    const incomplete = reader.ended.then(({ code, signal }) =>
      code === 0
        ? undefined
        : `cat, which reads it, ${signal ? `was ended by ${signal}` : `ended with code ${code}`}`,
    );
    return { child, output: reader.stdout, incomplete };
  } finally {
    // Leaves the program as the only writer, so that its end is the end of the output.
    closeSync(write);
    closeSync(read);
  }
}
