import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Needs, Test } from '../index.ts';
import { Client } from './client.ts';
import { type ServerOptions, UblkServer } from './server.ts';

export const MIB = 1 << 20;

/** What every test of a server needs. */
export const NEEDS: Needs = { uapi: ['UBLK_F_USER_COPY', 'UBLK_U_CMD_ADD_DEV', 'UBLK_U_IO_FETCH_REQ'] };

/** A device over a target, and a client of it, until the test's end. */
export async function served(
  t: Test,
  options: ServerOptions,
): Promise<{ server: UblkServer; client: Client }> {
  const server = t.use(await UblkServer.start(t.uapi, options));
  return { server, client: t.use(new Client(t, server.path)) };
}

/** Waits for a state of a device that nothing announces. Fails the test when it does not come. */
export async function eventually(t: Test, what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await holds())) {
    t.ok(performance.now() < deadline, `not in 5 s: ${what}`);
    await delay(10);
  }
}

let made = 0;

/** A name on a tmpfs, for a file that is gone at the test's end. */
export function temporary(t: Test): string {
  const path = `/tmp/ringlab-ublk-${process.pid}-${made++}`;
  t.defer(() => rmSync(path, { force: true }));
  return path;
}
