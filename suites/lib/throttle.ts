import type { Device } from './device.ts';
import type { Test } from './test.ts';

/** Slows a device's drive down until the test's end (or until `lift`). Skips where the host does not help. */
export async function throttled(t: Test, device: Device, iops: number): Promise<{ lift(): Promise<void> }> {
  const { host } = t.lab;
  if (!host.available) t.skip('needs the host to throttle a drive, and there is no host channel');
  let limited = true;
  const lift = async () => {
    if (limited) await host.throttle(device.info.drive, 0);
    limited = false;
  };
  await host.throttle(device.info.drive, iops);
  t.defer(lift);
  return { lift };
}
