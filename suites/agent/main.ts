import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CellFile } from '../../lab/model/protocol.ts';
import type { Uapi } from '../../lab/model/uapi.ts';
import { loadBinding } from '../binding/index.ts';
import { Device } from '../lib/device.ts';
import { HostClient } from '../lib/host.ts';
import { peerMain } from '../lib/peer.ts';
import { type Lab, registeredTests } from '../lib/test.ts';
import { SkipError, UapiTable } from '../lib/uapi.ts';
import { AGENT_HOME } from './home.ts';
import { runTest } from './run.ts';
import { TapWriter } from './tap.ts';

/** Suites by name; importing one registers its tests. */
export type SuiteTable = Record<string, () => Promise<unknown>>;

/** Exit codes: all passed or skipped, something failed, the agent itself could not do its work. */
const Exit = { passed: 0, failed: 1, broken: 2 } as const;

function readJson<T>(folder: string, name: string): T {
  const path = join(folder, name);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function makeLab(cell: CellFile, uapi: Uapi, host: HostClient): Lab {
  const known = new Map<string, Device>();
  const device = (role: string): Device => {
    const found = cell.devices.find((one) => one.role === role);
    if (!found) throw new SkipError(`this guest has no device with the role ${role}`);
    const made = known.get(role) ?? new Device(found);
    known.set(role, made);
    return made;
  };
  return { cell, uapi: new UapiTable(uapi), host, device };
}

async function runSuite(folder: string, suites: SuiteTable, tap: TapWriter): Promise<number> {
  const cell = readJson<CellFile>(folder, 'cell.json');
  const load = Object.hasOwn(suites, cell.suite) ? suites[cell.suite] : undefined;
  if (!load) throw new Error(`no suite ${cell.suite}; there are ${Object.keys(suites).join(', ')}`);
  loadBinding(join(folder, 'ringlab.node'));
  const port = process.env.RINGLAB_HOST_PORT;
  await using host = new HostClient(port ? Number(port) : undefined);
  const lab = makeLab(cell, readJson<Uapi>(folder, 'uapi.json'), host);
  tap.comment(
    `${cell.suite} on ${cell.guest}, kernel ${cell.kernel} (${lab.uapi.release}), seed ${cell.seed}`,
  );
  await load();
  const helping = peerMain(lab.uapi);
  if (helping) {
    await helping();
    return Exit.passed;
  }
  const wanted = registeredTests().filter(
    ({ name }) => cell.only.length === 0 || cell.only.some((part) => name.includes(part)),
  );
  let failed = 0;
  for (const one of wanted) {
    const outcome = await runTest(one, lab);
    if (!outcome.ok && !one.needs.knownFault) failed++;
    tap.test(one.name, outcome);
  }
  tap.end();
  return failed > 0 ? Exit.failed : Exit.passed;
}

/** The agent: runs the suite that `cell.json` in the folder (argument, default /run/ringlab) names, TAP on stdout, and exits. */
export async function main(suites: SuiteTable): Promise<void> {
  const tap = new TapWriter();
  const broken = (error: unknown): never => {
    tap.bailOut(error instanceof Error ? error.message : String(error));
    console.error(error);
    process.exit(Exit.broken);
  };
  // A promise left behind by a test that ran out of time must not end the run.
  process.on('unhandledRejection', (error) => tap.comment(`unhandled: ${error}`));
  process.on('uncaughtException', broken);
  const code = await runSuite(process.argv[2] ?? AGENT_HOME, suites, tap).catch(broken);
  // Straight out: a request that hangs in the kernel would keep the event loop alive.
  process.exit(code);
}
