import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { SetupError, say } from './command.mjs';

/**
 * Takes a lock by flock(1), on an open file that it shares with this process: the lock outlives flock(1), and the kernel releases
 * it when this process ends, killed or not. There is no stale lock.
 * @param {number} fd
 * @param {readonly string[]} options
 * @returns {boolean} false when another process holds the lock
 */
function flock(fd, options) {
  const { error, status } = spawnSync('flock', [...options, '3'], { stdio: ['ignore', 2, 2, fd] });
  if (error) throw new SetupError(`flock (Debian package util-linux) cannot be started: ${error.message}`);
  return status === 0;
}

/**
 * Runs `work` while holding the lock on a file; waits while another process holds it.
 * @param {string} file
 * @param {() => Promise<void>} work
 */
export async function locked(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'a');
  try {
    if (!flock(fd, ['--nonblock'])) {
      say('waiting for another set-up of this checkout');
      if (!flock(fd, [])) throw new SetupError(`cannot lock ${file}`);
    }
    await work();
  } finally {
    closeSync(fd);
  }
}
