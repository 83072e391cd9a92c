import { type Controller, type Device, type Test, until } from '../lib/index.ts';
import { hasPathThrough } from './paths.ts';

/**
 * Pulls a controller out of its slot without notice. `replug` resolves when the namespace has a path through it again; it runs at
 * the test's end if it has not before. Skips when there is no host channel.
 */
export async function unplugged(
  t: Test,
  { info }: Device,
  { id }: Controller,
): Promise<{ replug(): Promise<void> }> {
  const { host } = t.lab;
  if (!host.available) t.skip('needs the host to unplug a controller, and there is no host channel');
  await host.unplug(id, { abrupt: true });
  let absent = true;
  const replug = async () => {
    if (!absent) return;
    absent = false;
    await host.replug(id);
    await until(`${info.role} has a path through ${id}`, () => hasPathThrough(info, id));
  };
  t.defer(replug);
  return { replug };
}
