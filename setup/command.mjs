import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Something that the user has fix: told without a stack, exit 2. */
export class SetupError extends Error {
  exitCode = 2;
}

/**
 * Progress goes to standard error: standard output belongs to what runs after us.
 * @param {string} text
 */
export const say = (text) => console.error(`setup: ${text}`);

/**
 * The path of a command, or undefined when PATH has none.
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
 * Runs a command with all its output on our standard error.
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
 * Runs a command and returns what it says on standard output, whatever its exit code; undefined when it cannot start.
 * @param {string} command
 * @param {readonly string[]} args
 */
export function ask(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return result.error ? undefined : result.stdout;
}
