import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Resources } from '../../core/resource.ts';
import type { StageContext } from '../../model/event.ts';
import type { GuestRequest } from '../../model/machine.ts';
import { bootPaths } from '../boot-paths.ts';
import { qemuCommand, type Start } from '../command.ts';
import { lineOn } from '../console.ts';
import { TEMPLATE_LINE } from '../init-lines.ts';
import type { Layout } from '../layout.ts';
import { outlived } from '../outlive.ts';
import { startQemu } from '../qemu.ts';
import { listenOnce } from '../qmp.ts';
import { scratchFolder } from '../scratch.ts';
import { makeTemplateSeed } from '../seed.ts';
import { DEFAULT_TIMEOUTS } from '../timeouts.ts';
import { templateIn } from './template.ts';
import { save } from './wake.ts';

/** The machine of a template, with its files where they are to stay; `resources` owns it. */
async function startTemplate(
  request: GuestRequest,
  layout: Layout,
  folder: string,
  resources: Resources,
  signal: AbortSignal,
) {
  const { ram, console } = templateIn(folder);
  const { dir: socketDir } = resources.use(await scratchFolder('sockets'));
  const paths = bootPaths(request.dir, socketDir);
  const start: Start = { kind: 'template', ram, layout };
  await makeTemplateSeed(request, paths.seed, signal);
  await using file = await open(ram, 'wx', 0o600);
  await file.truncate(request.profile.memoryMiB << 20);
  const listener = resources.use(await listenOnce(paths.state));
  const command = qemuCommand(request, paths, undefined, start);
  const machine = await startQemu(command, request, paths, { start, drives: [], consoleFile: console });
  return { machine: resources.use(machine), listener, socket: paths.state };
}

/**
 * Boots a guest up to where it would read its keys, and leaves it in `folder` as a template: memory, state and console. Throws
 * VerdictError `boot-failed` when the kernel does not get there, LabError when QEMU fails, the abort reason.
 */
export async function makeTemplate(
  given: GuestRequest,
  layout: Layout,
  folder: string,
  ctx: StageContext,
): Promise<void> {
  await using resources = new Resources();
  const { dir } = resources.use(await scratchFolder('guest'));
  const request = { ...given, name: 'template', dir };
  const { machine, ...saved } = await startTemplate(request, layout, folder, resources, ctx.signal);
  await outlived(request, machine, DEFAULT_TIMEOUTS, ctx, async () => {
    const ready = lineOn(machine.console, TEMPLATE_LINE);
    const qmp = await machine.qmp;
    await qmp.execute('qmp_capabilities');
    await ready;
    const stored = saved.listener.connection.then((state) =>
      pipeline(state, createWriteStream(templateIn(folder).state, { mode: 0o600 })),
    );
    await Promise.all([save(qmp, saved.socket), stored]);
  });
  machine.kill();
  await machine.ended;
  machine.console.check();
}
