import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { EMULATED_CPU } from '../model/machine.ts';
import { nodeProgram } from './node.ts';
import type { Recipe } from './recipe.ts';
import { isThere } from './tools.ts';

/** V8 refuses a snapshot that was made on another CPU: this runs node on the one that emulated guests have. */
const EMULATOR = 'qemu-x86_64';

/** Whether snapshots can be made here; without them node takes longer to start in a guest, and that is all. */
export const canSnapshot = ({ snapshots }: Recipe) =>
  Object.keys(snapshots).length > 0 ? isThere(EMULATOR) : Promise.resolve(false);

/**
 * Makes the recipe's snapshots: node's state after it has run a script as far as `setDeserializeMainFunction`. Node then
 * starts from there, with the same options, and has a fifth less to do (node.js docs, command-line API, `--build-snapshot`).
 */
export async function makeSnapshots({ snapshots, name }: Recipe, root: string, ctx: StageContext) {
  for (const [target, { script, options }] of Object.entries(snapshots)) {
    const making = ['--snapshot-blob', join(root, target), '--build-snapshot', join(root, script)];
    const { code, stderr } = await run(
      EMULATOR,
      ['-cpu', EMULATED_CPU, await nodeProgram(), ...options, ...making],
      // Nothing of ours is to be kept in there.
      { accept: 'any', signal: ctx.signal, env: { PATH: process.env.PATH ?? '' }, cleanEnv: true },
    );
    if (code === 0) continue;
    // Half of one would be taken for one by init.
    await rm(join(root, target), { force: true });
    const reason = stderr.trim().split('\n').at(-1) ?? '';
    ctx.emit({ type: 'note', note: { code: 'image.snapshot', subject: name, target, reason } });
  }
}
