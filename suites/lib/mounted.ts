import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Device } from './device.ts';
import type { Test } from './test.ts';

/** Runs a program of the guest. Returns its trimmed standard output; throws Error with its standard error when it fails. */
export const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: 'pipe' }).trim();

/** Formats `kib` KiB of a drive as ext4, which destroys its content, and mounts it until the test's end. Returns the mount point. */
export function mounted(t: Test, device: Device, kib: number): string {
  const directory = '/root/mounted';
  command('mke2fs', '-F', '-b', '4096', device.block, String(kib));
  mkdirSync(directory, { recursive: true });
  command('mount', '-t', 'ext4', device.block, directory);
  t.defer(() => command('umount', directory));
  return directory;
}
