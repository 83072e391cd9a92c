import { join } from 'node:path';
import { AGENT_HOME } from '../../suites/agent/home.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StoredKernel } from '../model/kernel.ts';
import type { Guest, Preload } from '../model/machine.ts';
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
    ...(spec.shard && spec.shards && !spec.tests ? { shard: { at: spec.shard, of: spec.shards } } : {}),
    ...(spec.most ? { most: spec.most } : {}),
    seed: spec.seed,
    ...(spec.ownSeries ? { ownSeries: true as const } : {}),
    ...(spec.kernel.debug ? { debug: true } : {}),
    testTimeoutMs: spec.deadlines.testMs,
    devices: [...guest.devices],
    facts: guest.facts,
  };
}

/** The files of an agent that are the same for all cells of its suite and a kernel. */
const agentFiles = (payload: string, { uapi }: Pick<StoredKernel, 'uapi'>) => [
  ...Object.values(AGENT_FILES).map((file) => ({ from: join(payload, file), to: `${AGENT_HOME}/${file}` })),
  { from: uapi, to: `${AGENT_HOME}/uapi.json` },
];

/** What a template can load for the cells of a spec's suite: its agent. Without artefacts only the key is known. */
export function preloadOf(
  { payload: { kind, key } }: Pick<CellSpec, 'payload'>,
  artefacts?: { payload: string; kernel: StoredKernel },
): Preload | undefined {
  if (kind !== 'agent') return undefined;
  const script = `${AGENT_HOME}/${AGENT_FILES.script}`;
  return { key, script, files: artefacts ? agentFiles(artefacts.payload, artefacts.kernel) : [] };
}

/** Pushes the agent with its suite; the host channel is served until the launch is disposed. */
export async function launchAgent(
  guest: Guest,
  spec: CellSpec,
  payload: string,
  kernel: StoredKernel,
): Promise<Launch> {
  const pushed = guest.push([
    ...(guest.preloaded === spec.payload.key ? [] : agentFiles(payload, kernel)),
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
