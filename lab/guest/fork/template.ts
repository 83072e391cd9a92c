import { stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '../../core/hash.ts';
import { findProgram } from '../../core/program.ts';
import { hostArch } from '../../model/arch.ts';
import type { GuestRequest } from '../../model/machine.ts';
import { bootPaths } from '../boot-paths.ts';
import { qemuCommand } from '../command.ts';
import { type Layout, layOutFork } from '../layout.ts';

/** The files of a template: a guest that waits to be continued, as often as is wanted. */
export interface Template {
  dir: string;
  /** The guest's memory, sparse. Forks map it privately: what they write stays theirs. */
  ram: string;
  /** The rest of the machine's state, as QEMU's migration writes it. */
  state: string;
  /** What the template printed: the beginning of each fork's console. */
  console: string;
}

/** The template whose folder is `dir`. */
export const templateIn = (dir: string): Template => ({
  dir,
  ...{ ram: join(dir, 'ram'), state: join(dir, 'state'), console: join(dir, 'console.log') },
});

/** Changes when QEMU is replaced: another version may not read the state. */
async function identityOf(program: string): Promise<string> {
  const path = findProgram(program) ?? program;
  const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
  return `${path} ${size} ${mtimeMs}`;
}

/** Where the fork of a request has its devices, or why the guest has to boot. */
export function forkLayout({ profile, qemuArgs = [] }: GuestRequest): Layout | { reason: string } {
  // What they do is not known: a device of the user may keep a guest from being saved, and has to be there when it is continued.
  if (profile.qemuArgs.length + qemuArgs.length > 0) return { reason: 'it has QEMU arguments of its own' };
  return layOutFork(profile) ?? { reason: 'it has more controllers than there are ports' };
}

/**
 * The content key of a request's template, 32 hex digits: of the template's command line, with the keys of kernel and image in place of their
 * paths, of what it has loaded, and of the QEMU that reads it. Guests that differ only in their NVMe hardware have the same.
 */
export async function templateKey(request: GuestRequest, layout: Layout): Promise<string> {
  const arch = hostArch();
  const { kernel, image } = request;
  const byKey = {
    kernel: { vmlinux: kernel.key ?? kernel.vmlinux },
    image: { ...image, path: image.key },
  };
  const anywhere = { ...request, ...byKey, name: 'template', dir: '/' };
  const command = qemuCommand(anywhere, bootPaths('/'), arch, { kind: 'template', ram: 'ram', layout });
  // The CPU of the host is that of the guest.
  const cpu = request.accel === 'kvm' ? (cpus()[0]?.model ?? '') : '';
  const qemu = await identityOf(arch.qemu.system);
  const loaded = request.preload?.key ?? '';
  return hashOf('template-1', qemu, cpu, loaded, ...command).slice(0, 32);
}
