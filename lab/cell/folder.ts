import { join } from 'node:path';
import { AGENT_HOME, RunnerExit } from '../../suites/agent/home.ts';
import type { CellSpec } from '../model/cell.ts';
import type { Guest } from '../model/machine.ts';
import { cellFile } from './agent.ts';
import type { Launch } from './launch.ts';
import { AGENT_FILES } from './payload.ts';
import { unpackPrograms } from './program.ts';

/** Copies a folder of programs into the guest, with the runner that executes one after another and writes TAP. */
export async function launchPrograms(guest: Guest, spec: CellSpec, payload: string): Promise<Launch> {
  await unpackPrograms(guest, payload);
  const files = [AGENT_FILES.script, AGENT_FILES.compiled, 'programs.json'];
  await guest.push([
    ...files.map((file) => ({ from: join(payload, file), to: `${AGENT_HOME}/${file}` })),
    { from: Buffer.from(JSON.stringify(cellFile(spec, guest))), to: `${AGENT_HOME}/cell.json` },
  ]);
  return {
    command: `cd ${AGENT_HOME} && UV_USE_IO_URING=0 exec /usr/lib/ringlab/node ${AGENT_FILES.script} ${AGENT_HOME}`,
    describeCode: (code) =>
      code === RunnerExit.stuck
        ? 'a program could not be ended: its processes do not die by SIGKILL'
        : undefined,
    [Symbol.asyncDispose]: async () => {},
  };
}
