import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestProgram } from '../model/protocol.ts';
import { ProgramList } from '../model/protocol.ts';
import type { Suite } from '../model/suite.ts';
import { findPrograms } from '../suite/programs.ts';
import { readSupport, unsupportedOn } from '../suite/support.ts';
import { collectFiles, type PayloadFile } from './payload-files.ts';
import { conventionOf } from './program-files.ts';

/** Reads `programs.json` of a payload folder. Throws Error when the payload is damaged. */
export async function readPrograms(folder: string): Promise<ProgramList> {
  return ProgramList.parse(JSON.parse(await readFile(join(folder, 'programs.json'), 'utf8')));
}

/**
 * The files of a folder of programs that is one suite, the libraries that guests lack, and what is to run. Throws InputError for missing
 * files and for patterns that match nothing.
 */
export async function collectFolder(
  suite: Suite,
  signal: AbortSignal,
): Promise<{ files: PayloadFile[]; list: ProgramList }> {
  const programs = await findPrograms(suite);
  const table = await readSupport(suite);
  const needed = programs.filter(({ skip }) => skip === undefined).map(({ name }) => name);
  const files = await collectFiles(suite, [...needed, ...suite.files], signal);
  const list = programs.map(({ name, path, args, timeoutSeconds, skip }): GuestProgram => {
    // What is made of a kernel tree are its self-tests, wherever they lie.
    const isSelftest = suite.build?.from === 'kernel';
    const convention = conventionOf(suite.verdict, isSelftest ? `/selftests/${name}` : path);
    const unsupported = table && unsupportedOn(table, name);
    return {
      ...{ name, args, timeoutMs: timeoutSeconds * 1000, tapFirst: suite.verdict === 'auto' },
      ...(convention ? { convention } : {}),
      ...(skip === undefined ? {} : { skip }),
      ...(unsupported === undefined ? {} : { unsupported }),
    };
  });
  return { files, list: { env: suite.env, programs: list } };
}
