import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_HOME, bundleAgent } from '../../suites/agent/bundle.ts';
import { buildBinding } from '../../suites/binding/build.mjs';
import { cacheRoot } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import type { KernelBuild } from '../model/kernel.ts';
import type { Guest } from '../model/machine.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellFile } from '../model/protocol.ts';
import type { Suite } from '../model/suite.ts';
import type { Start } from './launch.ts';

/** What is sent to guests, whatever the kernel. */
export interface AgentBundle {
  /** The agent with one suite, by the suite's name: files. */
  scripts: ReadonlyMap<string, { path: string; compiled: string }>;
  addon: string;
  /** Over all files: the agent's identity in the run record. */
  hash: string;
}

interface BuildMessage {
  text: string;
  location: { file: string; line: number; column: number } | null;
}

/** A suite that does not compile is its writer's fix: where, and what the bundler says. */
async function bundled(suite: Suite) {
  try {
    return await bundleAgent(suite, join(cacheRoot(), 'agents'));
  } catch (error) {
    const { errors } = error as { errors?: BuildMessage[] };
    if (!errors?.length) throw error;
    throw new InputError(
      errors.map(({ text, location }) => ({
        what: text,
        where: location ? `${location.file}:${location.line}:${location.column + 1}` : suite.dir,
      })),
    );
  }
}

/** The native addon, in the cache: an installed package compiles it at its first run. */
async function compiledAddon(): Promise<string> {
  try {
    return await buildBinding(join(cacheRoot(), 'addons'));
  } catch (cause) {
    const fix = 'a C compiler and headers are needed (Debian: build-essential)';
    throw new LabError(`cannot compile the native addon of the suites; ${fix}`, { cause });
  }
}

/** The agents of these suites, in the cache: the package's own folder may be read-only. Programs need none. */
export async function prepareAgent(suites: readonly Suite[]): Promise<AgentBundle> {
  const own = [...new Map(suites.filter(({ run }) => !run).map((suite) => [suite.name, suite])).values()];
  const [addon, ...bundles] = await Promise.all([compiledAddon(), ...own.map(bundled)]);
  const hash = hashOf(...bundles.map((bundle) => bundle.hash), await readFile(addon));
  const scripts = new Map(bundles.map((bundle, index) => [own[index]?.name ?? '', bundle]));
  return { scripts, addon, hash };
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

/** Starts the agent with a cell's suite; the host helps until this is disposed of. */
export async function startAgent(
  guest: Guest,
  cell: Cell,
  kernel: KernelBuild,
  { agent, plan }: { agent: AgentBundle; plan: Plan },
): Promise<Start> {
  const script = agent.scripts.get(cell.suite.name);
  if (!script) throw new Error(`no agent was made for ${cell.suite.name}`);
  const pushed = guest.push([
    { from: script.path, to: `${AGENT_HOME}/agent.cjs` },
    { from: script.compiled, to: `${AGENT_HOME}/agent.cjs.compiled` },
    { from: agent.addon, to: `${AGENT_HOME}/ringlab.node` },
    { from: kernel.uapi, to: `${AGENT_HOME}/uapi.json` },
    { from: Buffer.from(JSON.stringify(cellFile(cell, guest, plan))), to: `${AGENT_HOME}/cell.json` },
  ]);
  // Both take several turns through an emulated guest, so they go side by side.
  const [help] = await Promise.all([guest.serveHost(), pushed]);
  return {
    // libuv's own use of io_uring is switched off: the rings of the suite are to be the only ones.
    command: `cd ${AGENT_HOME} && UV_USE_IO_URING=0 RINGLAB_HOST_PORT=${help.port} exec /usr/lib/ringlab/node agent.cjs ${AGENT_HOME}`,
    [Symbol.asyncDispose]: () => help[Symbol.asyncDispose](),
  };
}
