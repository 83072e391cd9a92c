import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Guest } from '../../model/machine.ts';

/** A guest that lives on and whose commands run here, for tests. */
export const localGuest = {
  startedAt: 0,
  death: new Promise(() => {}),
  consoleFile: '/dev/null',
  watchConsole: () => () => {},
  checkConsole() {},
  showTasks: async () => 'task:agent state:D',
  async exec(command: string, { onStdout, onStderr, signal }: Parameters<Guest['exec']>[1] = {}) {
    const child = spawn('sh', ['-c', command], { detached: true });
    const kill = () => void process.kill(-(child.pid ?? 0), 'SIGKILL');
    signal?.addEventListener('abort', kill);
    child.stdout.on('data', (chunk: Buffer) => onStdout?.(chunk));
    child.stderr.on('data', (chunk: Buffer) => onStderr?.(chunk));
    const [code] = await once(child, 'close');
    signal?.removeEventListener('abort', kill);
    signal?.throwIfAborted();
    return { code };
  },
} as Partial<Guest> as Guest;
