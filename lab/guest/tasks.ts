import { setTimeout as delay } from 'node:timers/promises';
import type { ConsoleLog } from './console.ts';
import type { Qmp } from './qmp.ts';
import { within } from './timeouts.ts';

/** SysRq w: tasks in state D with their stacks. l: stacks of the CPUs that are busy (Documentation/admin-guide/sysrq.rst). */
const COMMANDS = { w: /sysrq: Show Blocked State/, l: /sysrq: Show backtrace of all active CPUs/ };
/** Most time until the kernel has begun a report, ms: an emulated guest takes less than 0.5 s. */
const BEGIN_MS = 5_000;
/** A report has ended when the console is silent for this long, ms; most time for all of it. */
const SILENCE_MS = 500;
const REPORT_MS = 10_000;
/** Most bytes kept of the reports, their beginning. */
const MAX_BYTES = 32 << 10;

async function silence(console: ConsoleLog): Promise<void> {
  for (let size = -1, waited = 0; size !== console.size && waited < REPORT_MS; waited += SILENCE_MS) {
    size = console.size;
    await delay(SILENCE_MS);
  }
}

/** Sends one command: a break on the serial line, then its letter. Returns whether the kernel has begun its report. */
async function sendCommand(
  letter: keyof typeof COMMANDS,
  { qmp, console, stdin }: { qmp: Qmp; console: ConsoleLog; stdin: NodeJS.WritableStream },
): Promise<boolean> {
  const begun = new Promise<true>((resolve) => {
    const stop = console.watch((line) => {
      if (!COMMANDS[letter].test(line)) return;
      stop();
      resolve(true);
    });
  });
  await qmp.execute('chardev-send-break', { id: 'console' }, BEGIN_MS);
  stdin.write(letter);
  return (await within(BEGIN_MS, begun)) ?? false;
}

/**
 * What the kernel says of its blocked tasks and busy CPUs: it prints them on the console at a command over the serial line (SysRq),
 * which works when no process can run. Says so where the kernel does not react. Never rejects.
 */
export async function showTasks(guest: {
  qmp: Qmp;
  console: ConsoleLog;
  stdin: NodeJS.WritableStream;
}): Promise<string> {
  const from = guest.console.size;
  try {
    for (const letter of ['w', 'l'] as const) {
      if (!(await sendCommand(letter, guest)))
        return `${read(guest.console, from)}[the kernel did not react to SysRq ${letter} on its console within ${BEGIN_MS / 1000} s]`;
      await silence(guest.console);
    }
    return read(guest.console, from).trimEnd();
  } catch (error) {
    return `[SysRq could not be sent: ${(error as Error).message}]`;
  }
}

function read(console: ConsoleLog, from: number): string {
  const text = console.text(from);
  return text.length > MAX_BYTES ? `${text.slice(0, MAX_BYTES)}\n[the console has the rest]\n` : text;
}
