import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CellFile } from '../../lab/model/protocol.ts';
import type { Uapi } from '../../lab/model/uapi.ts';
import { loadBinding } from '../binding/index.ts';
import { Choices } from '../lib/choice.ts';
import { Device } from '../lib/device.ts';
import { HostClient } from '../lib/host.ts';
import { peerMain } from '../lib/peer.ts';
import { type Lab, registeredTests } from '../lib/test.ts';
import { SkipError, UapiTable } from '../lib/uapi.ts';
import { AGENT_HOME } from './home.ts';
import { Leftovers } from './leftovers.ts';
import { runTest } from './run.ts';
import { isSelected, shareOf, whyNone } from './selection.ts';
import { TapWriter } from './tap.ts';

/** For each suite by its name, the import that registers its tests. */
export type SuiteTable = Record<string, () => Promise<unknown>>;

/** Exit codes: every test passed or was skipped; a test failed; the agent itself failed. */
const Exit = { passed: 0, failed: 1, broken: 2 } as const;

/** Reads a JSON file of the agent's folder. Throws Error with the path. */
function readJson<T>(folder: string, name: string): T {
  const path = join(folder, name);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function makeLab(cell: CellFile, uapi: Uapi, host: HostClient): Lab {
  const devices = new Map<string, Device>();
  const device = (role: string): Device => {
    const info = cell.devices.find((namespace) => namespace.role === role);
    if (!info) throw new SkipError(`this guest has no namespace with the role ${role}`);
    const namespace = devices.get(role) ?? new Device(info);
    devices.set(role, namespace);
    return namespace;
  };
  return { cell, uapi: new UapiTable(uapi), host, choices: new Choices(), device };
}

/** Runs the tests of the cell's suite, or the peer that this process was started as. Returns the exit code. */
async function runSuite(folder: string, suites: SuiteTable, tap: TapWriter): Promise<number> {
  const cell = readJson<CellFile>(folder, 'cell.json');
  const load = Object.hasOwn(suites, cell.suite) ? suites[cell.suite] : undefined;
  if (!load) throw new Error(`no suite ${cell.suite}: this agent has ${Object.keys(suites).join(', ')}`);
  loadBinding(join(folder, 'ringlab.node'));
  const port = process.env.RINGLAB_HOST_PORT;
  await using host = new HostClient(port ? Number(port) : undefined);
  const lab = makeLab(cell, readJson<Uapi>(folder, 'uapi.json'), host);
  tap.comment(
    `${cell.suite} on ${cell.guest}, kernel ${cell.kernel} (${lab.uapi.release}), seed ${cell.seed}`,
  );
  await load();
  const runPeer = peerMain(lab.uapi);
  if (runPeer) {
    await runPeer();
    return Exit.passed;
  }
  const all = registeredTests();
  const selected = shareOf(
    all.filter(({ name }) => isSelected(name, cell)),
    cell,
  );
  tap.announce(selected.map(({ name, needs }) => ({ name, timeoutMs: needs.timeoutMs, class: needs.class })));
  let failed = 0;
  let executed = 0;
  const leftovers = new Leftovers({ memory: !cell.debug });
  for (const testCase of selected) {
    if (cell.most !== undefined && executed >= cell.most) break;
    const outcome = await runTest(testCase, lab);
    const isSkipped = outcome.directive?.startsWith('SKIP') ?? false;
    if (!isSkipped) executed++;
    if (!outcome.ok && !outcome.directive?.startsWith('TODO')) failed++;
    // A test that is skipped has done next to nothing.
    tap.test(testCase.name, isSkipped ? outcome : { ...outcome, leftovers: await leftovers.look() });
  }
  const none = whyNone(
    all.map(({ name }) => name),
    cell,
  );
  tap.end(none);
  return failed > 0 ? Exit.failed : Exit.passed;
}

/**
 * The agent: runs the suite that `cell.json` names, writes TAP to standard output and exits. The folder of `cell.json` is the program's
 * argument, default /run/ringlab.
 */
export async function main(suites: SuiteTable): Promise<void> {
  const tap = new TapWriter();
  const broken = (error: unknown): never => {
    tap.bailOut(error instanceof Error ? error.message : String(error));
    console.error(error);
    process.exit(Exit.broken);
  };
  // A promise that a test left behind at its deadline may reject later: that must not end the run.
  process.on('unhandledRejection', (error) => tap.comment(`unhandled rejection: ${error}`));
  process.on('uncaughtException', broken);
  const code = await runSuite(process.argv[2] ?? AGENT_HOME, suites, tap).catch(broken);
  // Without waiting for the event loop: a request that hangs in the kernel would keep it alive.
  process.exit(code);
}
