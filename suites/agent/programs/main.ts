import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { CellFile, ProgramList } from '../../../lab/model/protocol.ts';
import { AGENT_HOME, PROGRAM_HOME, PROGRAM_LIBRARIES, RunnerExit } from '../home.ts';
import { Leftovers } from '../leftovers.ts';
import { TapWriter } from '../tap.ts';
import { runPrograms } from './runner.ts';

const readJson = <T>(folder: string, name: string): T =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;

/** Runs the programs that `cell.json` asks for, writes TAP to standard output and exits. */
async function main(folder = process.argv[2] ?? AGENT_HOME): Promise<void> {
  const tap = new TapWriter();
  const broken = (error: unknown): never => {
    tap.bailOut(error instanceof Error ? error.message : String(error));
    console.error(error);
    process.exit(RunnerExit.broken);
  };
  process.on('uncaughtException', broken);
  process.on('unhandledRejection', broken);
  const { only, tests, most, debug } = readJson<CellFile>(folder, 'cell.json');
  const { env, programs } = readJson<ProgramList>(folder, 'programs.json');
  const isSelected = ({ name }: { name: string }) =>
    (!tests || tests.includes(name)) && (only.length === 0 || only.some((part) => name.includes(part)));
  const selected = programs.filter(isSelected);
  tap.announce(selected);
  const paths = { home: PROGRAM_HOME, libraries: PROGRAM_LIBRARIES, release: release(), most };
  const leftovers = new Leftovers({ ownProcess: false, memory: !debug });
  const { failed, stuck } = await runPrograms({ env, programs: selected }, { ...paths, tap, leftovers });
  if (stuck !== undefined) process.exit(RunnerExit.stuck);
  tap.end(`no program of the suite is selected by ${only.join(', ') || 'the cell'}`);
  process.exit(failed > 0 ? RunnerExit.failed : RunnerExit.passed);
}

void main();
