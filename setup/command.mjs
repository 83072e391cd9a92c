import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A problem that the user has to fix: printed without a stack, exit code 2. */
export class SetupError extends Error {
  exitCode = 2;
}

/**
 * Prints a line of progress. It goes to standard error: standard output belongs to the command that runs after the set-up.
 * @param {string} text
 */
export const say = (text) => console.error(`setup: ${text}`);

/**
 * The path of an executable in PATH; undefined when no folder of PATH has one of that name.
 * @param {string} command
 */
export function which(command) {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(dir, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}

/**
 * Runs a command with all its output on this process's standard error. Throws SetupError (exit code 130) when a signal ends it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options]
 * @returns {boolean} whether it ended with code 0
 */
export function show(command, args, { cwd } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 2, 2],
  });
  if (result.signal)
    throw Object.assign(new SetupError(`${command} was ended by ${result.signal}`), { exitCode: 130 });
  return result.status === 0;
}

/**
 * Runs a command and returns its standard output, whatever its exit code; undefined when it cannot be started.
 * @param {string} command
 * @param {readonly string[]} args
 */
export function ask(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.error ? undefined : result.stdout;
}
