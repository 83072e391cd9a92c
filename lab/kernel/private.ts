import { chmod, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { lock } from '../core/lock.ts';
import { run } from '../core/process.ts';
import { removeTree } from '../core/remove.ts';
import { overlayWorks, type SandboxAccess } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';
import { DISK_ALLOWANCE, DiskLimit, type Room } from './disk.ts';
import { readRegularFile, replaceFile } from './regular-file.ts';

const PREFIX = 'private-';

/** Removes the folders of builds that were killed. Callers hold `lock(workDir)`, so that none is being created. */
async function sweep(workDir: string): Promise<void> {
  const names = (await readdir(workDir)).filter((name) => name.startsWith(PREFIX));
  for (const name of names.filter((each) => !each.endsWith('.lock'))) {
    const dir = join(workDir, name);
    if (await lockfile.check(dir, { stale: 10_000 })) continue;
    await removeTree(dir);
    await removeTree(`${dir}.lock`);
  }
}

/** Whether to use overlays below a folder. `RINGLAB_OVERLAYS=off` forces copies. */
async function useOverlay(dir: string): Promise<boolean> {
  return process.env.RINGLAB_OVERLAYS !== 'off' && (await overlayWorks(dir));
}

/**
 * A folder of objects as a build of code that is not trusted sees it: at the same path, with the same content, but what the build writes
 * goes to a folder that is removed at the end. The objects themselves are never changed: an overlay, where the file system has
 * them, else a copy.
 */
export class PrivateView implements AsyncDisposable {
  /** A folder of the lab for this build, which the build itself does not see. */
  readonly dir: string;
  /** What the sandbox needs to see the view at `at`. */
  readonly access: Pick<SandboxAccess, 'overlays' | 'mounts'>;
  /** How much builds in the view may write. */
  readonly disk: DiskLimit;
  readonly #held: AsyncDisposable;
  /** Folders in which a file of the view lies, topmost first. */
  readonly #layers: readonly [string, ...string[]];

  private constructor(
    readonly at: string,
    dir: string,
    overlay: boolean,
    allowance: Room,
    held: AsyncDisposable,
  ) {
    const top = join(dir, 'objects');
    this.dir = dir;
    this.disk = new DiskLimit(dir, at, allowance);
    this.#held = held;
    this.#layers = overlay ? [top, at] : [top];
    this.access = overlay
      ? { overlays: [{ at, lower: at, upper: top, work: join(dir, 'work') }] }
      : { mounts: [{ at, from: top }] };
  }

  /**
   * Opens a view of `at`, which is created if missing. `allowance`: what builds in it may write, besides three times the size of `at`.
   * Callers hold `lock(workDir)` until it is open.
   */
  static async open(
    at: string,
    workDir: string,
    { signal }: StageContext,
    allowance: Room = DISK_ALLOWANCE.built,
  ): Promise<PrivateView> {
    await mkdir(at, { recursive: true });
    await sweep(workDir);
    const dir = await mkdtemp(join(workDir, PREFIX));
    const held = await lock(dir, signal);
    const overlay = await useOverlay(workDir);
    const view = new PrivateView(at, dir, overlay, allowance, held);
    try {
      await mkdir(join(dir, 'work'));
      if (overlay) await mkdir(join(dir, 'objects'));
      else await run('cp', ['-a', '--reflink=auto', '--', at, join(dir, 'objects')], { signal });
      return view;
    } catch (error) {
      await view[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Content of a file directly in the view; undefined when it is missing or no regular file. */
  async readTop(name: string): Promise<string | undefined> {
    for (const layer of this.#layers) {
      try {
        return await readRegularFile(join(layer, name));
      } catch (error) {
        // Anything but a missing file hides that of the layer below, as a whiteout does.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return undefined;
      }
    }
    return undefined;
  }

  /** Writes a file directly in the view; no build is running. */
  async writeTop(name: string, text: string): Promise<void> {
    const [top] = this.#layers;
    // The build may have taken away our permission.
    await chmod(top, 0o755);
    await replaceFile(join(top, name), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await removeTree(this.dir);
    } finally {
      await this.#held[Symbol.asyncDispose]();
    }
  }
}
