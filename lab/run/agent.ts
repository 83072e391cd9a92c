import { readFile } from 'node:fs/promises';
import { bundleAgent } from '../../suites/agent/bundle.ts';
import { buildBinding } from '../../suites/binding/build.mjs';
import { InputError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import type { KernelBuild } from '../model/kernel.ts';
import type { Guest } from '../model/machine.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellFile } from '../model/protocol.ts';
import type { Suite } from '../model/suite.ts';
import type { Start } from './start.ts';

/** Where the agent lives in the guest: a tmpfs. */
const HOME = '/run/ringlab';

/** What is sent to guests, whatever the kernel. */
export interface AgentBundle {
  /** The agent with one suite, by the suite's name. */
  scripts: ReadonlyMap<string, string>;
  addon: string;
  /** Over all files: the agent's identity in the run record. */
  hash: string;
}

interface BuildMessage {
  text: string;
  location: { file: string; line: number; column: number } | null;
}

/** A suite that does not compile is its writer's to mend: where, and what the bundler says. */
async function bundled(suite: Suite) {
  try {
    return await bundleAgent(suite);
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

/** The agents of these suites; programs need none. */
export async function prepareAgent(suites: readonly Suite[]): Promise<AgentBundle> {
  const own = [...new Map(suites.filter(({ run }) => !run).map((suite) => [suite.name, suite])).values()];
  const [addon, ...bundles] = await Promise.all([buildBinding(), ...own.map(bundled)]);
  const hash = hashOf(...bundles.map((bundle) => bundle.hash), await readFile(addon));
  const scripts = new Map(own.map(({ name }, index) => [name, bundles[index]?.path ?? '']));
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

/**
 * Takes the agent's files from standard input: a line of JSON that names them with their lengths, then their bytes. So node, which
 * takes an emulated guest half a second to start, starts while they are on their way.
 */
const LOADER = `
try {
  const fs = require("fs");
  const input = fs.readFileSync(0);
  let at = input.indexOf(10) + 1;
  const { home, files, env } = JSON.parse(input.subarray(0, at));
  fs.mkdirSync(home, { recursive: true });
  for (const [name, length] of files) fs.writeFileSync(home + "/" + name, input.subarray(at, (at += length)));
  if (at !== input.length) throw new Error("the agent came in part: " + input.length + " of " + at + " bytes");
  process.chdir(home);
  Object.assign(process.env, env);
  process.argv.splice(1, Infinity, home + "/agent.cjs", home);
} catch (error) {
  console.error(error);
  process.exit(2);
}
require(process.argv[1]);`;

/** libuv's own use of io_uring is switched off: the rings of the suite are to be the only ones. */
const COMMAND = `UV_USE_IO_URING=0 exec node -e '${LOADER}'`;

/** What the loader reads. */
async function inputOf(script: string, addon: string, uapi: string, cell: CellFile, helpPort: number) {
  const files: [string, Buffer][] = [
    ['agent.cjs', await readFile(script)],
    ['ringlab.node', await readFile(addon)],
    ['uapi.json', await readFile(uapi)],
    ['cell.json', Buffer.from(JSON.stringify(cell))],
  ];
  const lengths = files.map(([name, { length }]) => [name, length]);
  const head = { home: HOME, files: lengths, env: { RINGLAB_HELP_PORT: String(helpPort) } };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...files.map(([, bytes]) => bytes)]);
}

/** How to start the agent with a cell's suite; the host helps until this is disposed of. */
export async function startAgent(
  guest: Guest,
  cell: Cell,
  kernel: KernelBuild,
  { agent, plan }: { agent: AgentBundle; plan: Plan },
): Promise<Start> {
  const script = agent.scripts.get(cell.suite.name);
  if (!script) throw new Error(`no agent was made for ${cell.suite.name}`);
  const help = guest.serveHelp();
  const stdin = help.then(({ port }) =>
    inputOf(script, agent.addon, kernel.uapi, cellFile(cell, guest, plan), port),
  );
  return {
    command: COMMAND,
    stdin,
    [Symbol.asyncDispose]: async () => (await help)[Symbol.asyncDispose](),
  };
}
