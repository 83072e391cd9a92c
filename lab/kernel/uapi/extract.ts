import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxPolicy } from '../../core/sandbox.ts';
import type { Uapi } from '../../model/uapi.ts';
import { checkCount, firstError, HeaderCompiler, headersFailed } from './evaluate.ts';
import { enumeratorNames, macroNames, textFrom } from './names.ts';
import { findStructs, type Struct } from './structs.ts';

/** The headers whose names suites may use; those that a kernel does not have are left out. */
const HEADERS = [
  'linux/io_uring.h',
  'linux/nvme_ioctl.h',
  'linux/ublk_cmd.h',
  'linux/blkzoned.h',
  'linux/fs.h',
  'linux/uio.h',
  'linux/falloc.h',
  'linux/fcntl.h',
  'linux/stat.h',
  'linux/time_types.h',
  'linux/errno.h',
  'asm/unistd.h',
];

/** Characters of the preprocessed headers; those of Linux 6.12 have 0.4 million. */
const MAX_TEXT = 16 << 20;

async function installedHeaders(folders: readonly string[]): Promise<string[]> {
  const installed = await Promise.all(
    HEADERS.map(async (header) => {
      const tries = folders.map((folder) => access(join(folder, header)));
      return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled') ? header : [];
    }),
  );
  return installed.flat();
}

function toNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

async function constantsOf(
  compiler: HeaderCompiler,
  preamble: string,
  text: string,
): Promise<Uapi['constants']> {
  const names = [...new Set([...macroNames(text), ...enumeratorNames(text)])].sort();
  // `0` has a value after any headers that compile, even if all of their own names have none.
  const values = await compiler.evaluate(preamble, [...names, '0']);
  if (values.at(-1) === undefined)
    throw headersFailed('do not compile: no constant has a value after them', text);
  const constants = names.flatMap((name, index) => {
    const value = values[index];
    return value === undefined ? [] : [[name, toNumber(value)] as const];
  });
  return Object.fromEntries(constants);
}

/** The size of a struct, then offset and size of each field. */
function layoutExpressions({ tag, name, fields }: Struct): string[] {
  const type = `${tag} ${name}`;
  const offsetsAndSizes = fields.flatMap((field) => [
    `__builtin_offsetof(${type}, ${field})`,
    `sizeof(((${type} *)0)->${field})`,
  ]);
  return [`sizeof(${type})`, ...offsetsAndSizes];
}

async function structsOf(compiler: HeaderCompiler, preamble: string, text: string): Promise<Uapi['structs']> {
  const structs = findStructs(text);
  checkCount(structs.reduce((sum, { fields }) => sum + 1 + 2 * fields.length, 0));
  const values = await compiler.evaluate(preamble, structs.flatMap(layoutExpressions));
  const result: Uapi['structs'] = {};
  let at = 0;
  for (const { name, fields } of structs) {
    const size = values[at++];
    const layout: Uapi['structs'][string]['fields'] = {};
    for (const field of fields) {
      const [offset, bytes] = [values[at++], values[at++]];
      // A flexible array member has an offset but no size.
      if (offset !== undefined) layout[field] = { offset: Number(offset), size: Number(bytes ?? 0n) };
    }
    if (size !== undefined) result[name] = { size: Number(size), fields: layout };
  }
  return result;
}

/**
 * Reads names, numbers and layouts from installed kernel headers (`make headers`), as the compiler evaluates them. `folders`
 * are the compiler's include folders, in order; the host's headers are not used. Throws VerdictError
 * `build-failed` when they are missing, do not compile or are too large.
 */
export async function extractUapi(
  folders: readonly string[],
  release: string,
  signal: AbortSignal,
  policy: SandboxPolicy = {},
): Promise<Uapi> {
  const compiler = new HeaderCompiler(folders, signal, policy);
  const installed = await installedHeaders(folders);
  if (installed.length === 0)
    throw headersFailed('are missing: none of those that suites use is installed', HEADERS.join('\n'));
  const includes = installed.map((header) => `#include <${header}>`);
  // Some ioctl numbers contain the size of a type that only the C library's headers define.
  const preamble = ['typedef __SIZE_TYPE__ size_t;', ...includes].join('\n');
  const { stdout, stderr, ok } = await compiler.run(['-E', '-dD'], preamble);
  if (!ok) throw headersFailed(`do not compile: ${firstError(stderr)}`, stderr);
  if (stdout.length > MAX_TEXT) throw headersFailed(`have ${stdout.length} characters when preprocessed`, '');
  const text = textFrom(stdout, folders);
  const [constants, structs] = await Promise.all([
    constantsOf(compiler, preamble, text),
    structsOf(compiler, preamble, text),
  ]);
  return { release, constants, structs };
}
