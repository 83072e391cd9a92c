import { readdir, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, posix, relative } from 'node:path';
import { quoted } from '../core/quote.ts';
import type { CellSpec } from '../model/cell.ts';
import type { Guest } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import { exitConvention } from '../tap/index.ts';
import type { Launch } from './launch.ts';
import { PROGRAM_FOLDERS, type ProgramFile, readProgram } from './program-files.ts';

/** Where a program lives in the guest: a tmpfs. */
const HOME = '/run/program';
const LIBRARIES = `${HOME}/.lib`;
const OUTPUT_KEPT = 8000;

type PushFile = Parameters<Guest['push']>[0][number];

async function filesIn(folder: string, to: string): Promise<PushFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(async (from) => ({
      from,
      to: posix.join(to, relative(folder, from)),
      mode: (await stat(from)).mode & 0o777,
    })),
  );
}

/** A shell gives 128 + n for a program that signal n ended. */
function describeExit(code: number | null): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128);
  return signal ? `ended by ${signal[0]}` : `exit code ${code}`;
}

/** How the exit code of a program becomes its only result; undefined where TAP decides. */
export function resultByExitCode(
  name: string,
  { convention, tapFirst }: Pick<ProgramFile, 'convention' | 'tapFirst'>,
): NonNullable<Launch['byExitCode']> {
  return (code, output, anyTap): TestResult | undefined => {
    if (!convention || (tapFirst && anyTap)) return undefined;
    const verdict = exitConvention(convention, code);
    const detail = output.slice(-OUTPUT_KEPT).trim();
    return {
      name,
      verdict,
      ...(verdict === 'pass' ? {} : { reason: describeExit(code) }),
      ...(detail ? { detail } : {}),
    };
  };
}

/** Copies a program into the guest. The kernel log marks its beginning and end as those of a test. */
export async function launchProgram(guest: Guest, { suite }: CellSpec, payload: string): Promise<Launch> {
  const program = await readProgram(payload);
  const [files, libraries] = await Promise.all([
    filesIn(join(payload, PROGRAM_FOLDERS.files), HOME),
    filesIn(join(payload, PROGRAM_FOLDERS.libraries), LIBRARIES),
  ]);
  await guest.push([...files, ...libraries]);
  const words = [posix.join(HOME, program.program), ...program.args].map(quoted);
  const mark = (what: 'begin' | 'end') => `echo '<5>ringlab: ${what} "${suite.name}"' >/dev/kmsg`;
  const command = [
    `cd ${HOME}`,
    mark('begin'),
    `LD_LIBRARY_PATH=${LIBRARIES} ${words.join(' ')}`,
    `code=$?; ${mark('end')}; exit $code`,
  ].join('\n');
  return {
    command,
    byExitCode: resultByExitCode(suite.name, program),
    [Symbol.asyncDispose]: async () => {},
  };
}
