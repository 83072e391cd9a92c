import { readdirSync, realpathSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = /^ringlab-(\d+)-/;

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes the scratch folders of labs that were killed: the process id in the name is nobody's any more. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (!pid || alive(pid)) continue;
    // Another user's folder is not ours to remove.
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {}
  }
}

/** A folder for one guest that is gone when it is disposed, or at the next start of a lab if this one is killed. */
export interface Scratch extends AsyncDisposable {
  readonly dir: string;
}

/**
 * Makes a scratch folder with a short path (sockets in it have to fit in 107 bytes): in `$XDG_RUNTIME_DIR` for `sockets`,
 * which is small and private, else among the temporary files.
 */
export async function scratchFolder(kind: 'sockets' | 'guest'): Promise<Scratch> {
  const runtime = kind === 'sockets' ? process.env.XDG_RUNTIME_DIR : undefined;
  for (const parent of [runtime, tmpdir(), '/tmp']) {
    if (!parent || parent.length > 60) continue;
    try {
      sweep(realpathSync(parent));
      const dir = await mkdtemp(join(realpathSync(parent), `ringlab-${process.pid}-`));
      return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
    } catch (error) {
      if (parent === '/tmp') throw error;
    }
  }
  throw new Error('unreachable: /tmp is always tried');
}
