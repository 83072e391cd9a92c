import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../core/paths.ts';
import { type RunOptions, type RunResult, run, start } from '../../core/process.ts';

export const bin = join(projectRoot, 'bin/ringlab.mjs');

/** Runs the command as a user would; every exit code is taken, a signal is not. */
export function ringlab(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(process.execPath, [bin, ...args], {
    accept: 'any',
    parentDeath: 'TERM',
    graceMs: 20_000,
    ...options,
  });
}

/** Starts the command and lets it run. */
export const startRinglab = (args: readonly string[], env: Record<string, string>) =>
  start(process.execPath, [bin, ...args], { env, parentDeath: 'TERM' });

const read = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Command lines of the living processes whose environment or command line holds `mark`, our own left out. */
export function processesWith(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
      // A zombie has an empty command line: it is gone but for its parent's look.
      if (command === '') return [];
      return command.includes(mark) || read(`/proc/${pid}/environ`).includes(mark)
        ? [`${pid} ${command}`]
        : [];
    });
}
