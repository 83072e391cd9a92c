import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../core/process.ts';
import { findProgram } from '../core/program.ts';
import { hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import { nodeProgram } from './node.ts';
import type { Recipe } from './recipe.ts';

/** Whether the recipe has snapshots and they can be made here. They only make node start faster in a guest. */
export const canSnapshot = ({ snapshots }: Recipe) =>
  Object.keys(snapshots).length > 0 && findProgram(hostArch().qemu.user) !== undefined;

/**
 * Makes the recipe's startup snapshots (node.js documentation, command-line API, `--build-snapshot`). Started from one, with the same
 * options, node has a fifth less to do. V8 refuses a snapshot of another CPU, so node is run by emulation of the CPU that emulated
 * guests have. A snapshot that cannot be made is left out, with a note.
 */
export async function makeSnapshots({ snapshots, name }: Recipe, root: string, ctx: StageContext) {
  const { user, emulatedCpu } = hostArch().qemu;
  for (const [target, { script, options }] of Object.entries(snapshots)) {
    const build = ['--snapshot-blob', join(root, target), '--build-snapshot', join(root, script)];
    const { code, stderr } = await run(
      user,
      ['-cpu', emulatedCpu, await nodeProgram(), ...options, ...build],
      // The environment becomes part of the snapshot.
      { accept: 'any', signal: ctx.signal, env: { PATH: process.env.PATH ?? '' }, cleanEnv: true },
    );
    if (code === 0) continue;
    // Init would start node from a partial file.
    await rm(join(root, target), { force: true });
    const reason = stderr.trim().split('\n').at(-1) ?? '';
    ctx.emit({ type: 'note', note: { code: 'image.snapshot', subject: name, target, reason } });
  }
}
