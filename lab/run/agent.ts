import { readFile } from 'node:fs/promises';
import { bundleAgent } from '../../suites/agent/bundle.ts';
import { buildBinding } from '../../suites/binding/build.mjs';
import { hashOf } from '../core/hash.ts';
import type { KernelBuild } from '../model/kernel.ts';
import type { Guest } from '../model/machine.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellFile } from '../model/protocol.ts';

/** Where the agent lives in the guest: a tmpfs. */
const HOME = '/run/ringlab';

/** What is pushed to every guest, whatever the kernel. */
export interface AgentBundle {
  script: string;
  addon: string;
  /** Over both files: the agent's identity in the run record. */
  hash: string;
}

export async function prepareAgent(): Promise<AgentBundle> {
  const [bundle, addon] = await Promise.all([bundleAgent(), buildBinding()]);
  const hash = hashOf(bundle.hash, await readFile(addon));
  return { script: bundle.path, addon, hash };
}

export function cellFile(cell: Cell, guest: Guest, plan: Plan): CellFile {
  return {
    suite: cell.suite.name,
    guest: cell.guest.name,
    kernel: cell.kernel,
    only: plan.only,
    seed: plan.seed,
    testTimeoutMs: cell.suite.testTimeoutSeconds * 1000,
    devices: [...guest.devices],
    facts: guest.facts,
  };
}

export function pushAgent(
  guest: Guest,
  agent: AgentBundle,
  kernel: KernelBuild,
  cell: CellFile,
): Promise<void> {
  return guest.push([
    { from: agent.script, to: `${HOME}/agent.cjs` },
    { from: agent.addon, to: `${HOME}/ringlab.node` },
    { from: kernel.uapi, to: `${HOME}/uapi.json` },
    { from: Buffer.from(JSON.stringify(cell)), to: `${HOME}/cell.json` },
  ]);
}

/** libuv's own use of io_uring is switched off: the rings of the suite are to be the only ones. */
export const agentCommand = (helpPort: number) =>
  `cd ${HOME} && UV_USE_IO_URING=0 RINGLAB_HELP_PORT=${helpPort} exec node agent.cjs ${HOME}`;
