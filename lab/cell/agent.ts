import { join } from 'node:path';
import { AGENT_HOME } from '../../suites/agent/home.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StoredKernel } from '../model/kernel.ts';
import type { Guest } from '../model/machine.ts';
import type { CellFile } from '../model/protocol.ts';
import type { Launch } from './launch.ts';
import { AGENT_FILES } from './payload.ts';

/** `cell.json`: what the agent is to run, and on what. */
export function cellFile(spec: CellSpec, guest: Guest): CellFile {
  return {
    suite: spec.suite.name,
    guest: spec.profile.name,
    kernel: spec.kernel.id,
    only: spec.only,
    ...(spec.tests ? { tests: spec.tests } : {}),
    ...(spec.most ? { most: spec.most } : {}),
    seed: spec.seed,
    ...(spec.kernel.debug ? { debug: true } : {}),
    testTimeoutMs: spec.deadlines.testMs,
    devices: [...guest.devices],
    facts: guest.facts,
  };
}

/** Pushes the agent with its suite; the host channel is served until the launch is disposed. */
export async function launchAgent(
  guest: Guest,
  spec: CellSpec,
  payload: string,
  kernel: StoredKernel,
): Promise<Launch> {
  const pushed = guest.push([
    ...Object.values(AGENT_FILES).map((file) => ({ from: join(payload, file), to: `${AGENT_HOME}/${file}` })),
    { from: kernel.uapi, to: `${AGENT_HOME}/uapi.json` },
    { from: Buffer.from(JSON.stringify(cellFile(spec, guest))), to: `${AGENT_HOME}/cell.json` },
  ]);
  // Each takes several round trips to an emulated guest, so they run side by side.
  const [host] = await Promise.all([guest.serveHost(), pushed]);
  return {
    // libuv's use of io_uring is switched off: the rings of the suite are to be the only rings of the process.
    command: `cd ${AGENT_HOME} && UV_USE_IO_URING=0 RINGLAB_HOST_PORT=${host.port} exec /usr/lib/ringlab/node agent.cjs ${AGENT_HOME}`,
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}
