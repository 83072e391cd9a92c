import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Needs, Test } from '../base.ts';
import { UblkClient } from './client.ts';
import { type ServerOptions, UblkServer } from './server.ts';

/** Bytes in a MiB. */
export const MIB = 1 << 20;

/** What every test with a ublk server needs of the kernel. */
export const UBLK_NEEDS: Needs = { uapi: ['UBLK_F_USER_COPY', 'UBLK_U_CMD_ADD_DEV', 'UBLK_U_IO_FETCH_REQ'] };

/**
 * Starts a ublk device over `options.target` and opens a client of it. Both are disposed of when the test ends. Throws what
 * `UblkServer.start` throws.
 */
export async function startServer(
  t: Test,
  options: ServerOptions,
): Promise<{ server: UblkServer; client: UblkClient }> {
  const server = t.use(await UblkServer.start(t.uapi, options));
  return { server, client: t.use(new UblkClient(t, server.path)) };
}

/** Polls until `holds` resolves to true. Throws AssertionError, with `state` in its quantity, after 5 s. */
export async function eventually(t: Test, state: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await holds())) {
    t.ok(performance.now() < deadline, `${state} within 5 s`);
    await delay(10);
  }
}

let fileCount = 0;

/** A new path on a tmpfs; a file that is created there is removed when the test ends. */
export function temporaryPath(t: Test): string {
  const path = `/tmp/ringlab-ublk-${process.pid}-${fileCount++}`;
  t.defer(() => rmSync(path, { force: true }));
  return path;
}
