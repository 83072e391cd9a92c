import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Device } from './device.ts';
import type { Test } from './test.ts';

/** Runs a command of the guest's; what it said. Throws when it fails. */
export const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: 'pipe' }).trim();

/** Makes a file system of `kib` KiB on a drive and mounts it (ext4) for the test. Its folder. What it held is lost. */
export function mounted(t: Test, device: Device, kib: number): string {
  const directory = '/root/mounted';
  command('mke2fs', '-F', '-b', '4096', device.block, String(kib));
  mkdirSync(directory, { recursive: true });
  command('mount', '-t', 'ext4', device.block, directory);
  t.defer(() => command('umount', directory));
  return directory;
}
