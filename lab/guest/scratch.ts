import { readdirSync, realpathSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `ringlab-<pid of the lab>-<random>`. */
const NAME = /^ringlab-(\d+)-/;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes the scratch folders of labs that were killed: no process has the id in the folder's name. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    // A folder of another user cannot be removed.
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {}
  }
}

/** A folder for one guest. Disposing removes it; the next lab does so if this one is killed. */
interface Scratch extends AsyncDisposable {
  readonly dir: string;
}

/**
 * Creates a scratch folder with a short path, because the path of a socket in it has at most 107 bytes (unix(7)). `sockets` are
 * in `$XDG_RUNTIME_DIR`, which is private but small; `guest`, with drives and consoles, is among the temporary files. Throws the
 * error of the file system when /tmp cannot be written either.
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
