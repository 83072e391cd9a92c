import type { Device } from './device.ts';
import type { Test } from './test.ts';

/** Slows a device's drive down until the test's end (or until `lift`). Skips where the host does not help. */
export async function throttled(t: Test, device: Device, iops: number): Promise<{ lift(): Promise<void> }> {
  const { help } = t.lab;
  if (!help.available) t.skip('needs the host to throttle a drive, and there is no help channel');
  let limited = true;
  const lift = async () => {
    if (limited) await help.throttle(device.role.drive, 0);
    limited = false;
  };
  await help.throttle(device.role.drive, iops);
  t.defer(lift);
  return { lift };
}
