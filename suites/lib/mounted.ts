import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Device } from './device.ts';
import type { Test } from './test.ts';

/** Runs a program of the guest. Returns its trimmed standard output; throws Error with its standard error when it fails. */
export const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: 'pipe' }).trim();

/** Formats `kib` KiB of a drive, or all of a smaller one, as ext4, which destroys its content, and mounts it until the test's end. Returns the mount point. */
export function mounted(t: Test, device: Device, kib: number): string {
  const directory = '/root/mounted';
  const blocks = Math.min(kib / 4, Math.floor((device.blocks * device.blockSize) / 4096));
  command('mke2fs', '-F', '-b', '4096', device.block, String(blocks));
  mkdirSync(directory, { recursive: true });
  command('mount', '-t', 'ext4', device.block, directory);
  t.defer(() => command('umount', directory));
  return directory;
}
