import type { Device } from './device.ts';
import type { Test } from './test.ts';

/**
 * Limits the drive of a device to `iops` operations a second until `lift`, or the test's end at the latest. Throws SkipError where there
 * is no host channel.
 */
export async function throttled(t: Test, device: Device, iops: number): Promise<{ lift(): Promise<void> }> {
  const { host } = t.lab;
  if (!host.available) t.skip('throttling a drive needs the host channel');
  let limited = true;
  const lift = async () => {
    if (limited) await host.throttle(device.info.drive, 0);
    limited = false;
  };
  await host.throttle(device.info.drive, iops);
  t.defer(lift);
  return { lift };
}
