import { join, posix } from 'node:path';
import { PROGRAM_HOME, PROGRAM_LIBRARIES } from '../../suites/agent/home.ts';
import { LabError } from '../core/errors.ts';
import { quoted } from '../core/quote.ts';
import type { CellSpec } from '../model/cell.ts';
import type { Guest } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import { exitConvention, reasonOfExit } from '../tap/index.ts';
import type { Launch } from './launch.ts';
import { ARCHIVES } from './pack.ts';
import { type ProgramFile, readProgram } from './program-files.ts';

const OUTPUT_KEPT = 8000;

/** How the exit code of a program becomes its only result; undefined where TAP decides. */
export function resultByExitCode(
  name: string,
  { convention, tapFirst }: Pick<ProgramFile, 'convention' | 'tapFirst'>,
): NonNullable<Launch['byExitCode']> {
  return (code, { stdout, stderr }, anyTap): TestResult | undefined => {
    if (!convention || (tapFirst && anyTap)) return undefined;
    const verdict = exitConvention(convention, code);
    const reason = reasonOfExit(verdict, code, stdout, stderr);
    const detail = (stdout + stderr).slice(-OUTPUT_KEPT).trim();
    return {
      name,
      verdict,
      ...(reason === undefined ? {} : { reason }),
      ...(detail ? { detail } : {}),
    };
  };
}

/** Unpacks the files and libraries of a payload in the guest, modes and links kept. Throws LabError when that fails. */
export async function unpackPrograms(guest: Guest, payload: string): Promise<void> {
  const parts = [
    { archive: ARCHIVES.files, folder: PROGRAM_HOME },
    { archive: ARCHIVES.libraries, folder: PROGRAM_LIBRARIES },
  ];
  const inGuest = (archive: string) => `/run/${archive}`;
  // SFTP takes several round trips to an emulated guest for each file.
  await guest.push(parts.map(({ archive }) => ({ from: join(payload, archive), to: inGuest(archive) })));
  const unpack = parts.map(
    ({ archive, folder }) =>
      `mkdir -p ${folder} && tar -xf ${inGuest(archive)} -C ${folder} && rm ${inGuest(archive)}`,
  );
  let printed = '';
  const onStderr = (chunk: Buffer) => {
    printed += chunk;
  };
  const { code } = await guest.exec(unpack.join(' && '), { onStderr });
  if (code !== 0)
    throw new LabError(`cannot unpack the programs in the guest: ${printed.trim() || `code ${code}`}`);
}

/** What the shell says where the guest lacks a program that `run` names by its absolute path. */
const missingProgram = (path: string) =>
  `[ -x ${quoted(path)} ] || { echo ${quoted(`this guest has no ${path}: name the Debian package that has it`)} >&2; exit 127; }`;

/** Copies a program into the guest. The kernel log marks its beginning and end as those of a test. */
export async function launchProgram(guest: Guest, { suite }: CellSpec, payload: string): Promise<Launch> {
  const program = await readProgram(payload);
  await unpackPrograms(guest, payload);
  const isOfGuest = posix.isAbsolute(program.program);
  const path = posix.resolve(PROGRAM_HOME, program.program);
  const words = [path, ...program.args].map(quoted);
  const variables = Object.entries({ LD_LIBRARY_PATH: PROGRAM_LIBRARIES, ...program.env });
  const assignments = variables.map(([name, value]) => `${name}=${quoted(value)}`);
  const mark = (what: 'begin' | 'end') => `echo '<5>ringlab: ${what} "${suite.name}"' >/dev/kmsg`;
  const command = [
    `cd ${PROGRAM_HOME}`,
    ...(isOfGuest ? [missingProgram(path)] : []),
    mark('begin'),
    `${assignments.join(' ')} ${words.join(' ')}`,
    `code=$?; ${mark('end')}; exit $code`,
  ].join('\n');
  return {
    command,
    byExitCode: resultByExitCode(suite.name, program),
    [Symbol.asyncDispose]: async () => {},
  };
}
