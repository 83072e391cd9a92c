import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { SetupError, say } from './command.mjs';

/**
 * flock(1) on a descriptor that it shares with us: the lock stays ours when it has ended, and the kernel takes it back however
 * we end, so that there is no stale lock to judge.
 * @param {number} fd
 * @param {readonly string[]} options
 * @returns {boolean} false when another holds it
 */
function flock(fd, options) {
  const { error, status } = spawnSync('flock', [...options, '3'], { stdio: ['ignore', 2, 2, fd] });
  if (error) throw new SetupError(`flock (util-linux) does not start: ${error.message}`);
  return status === 0;
}

/**
 * Runs `work` while holding the lock on a file, waiting for whoever holds it.
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
