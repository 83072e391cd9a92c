import type { Dir } from 'node:fs';
import { lstat, mkdir, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, VerdictError } from '../core/errors.ts';
import { OutputLimitError, type RunOptions, run } from '../core/process.ts';
import { removeTree } from '../core/remove.ts';
import { sandboxed, throwIfSandboxFailed } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';
import type { ObjectFolder } from './objects.ts';
import { RefusedFile } from './regular-file.ts';
import { TOOL_PATH } from './toolchain.ts';

/** Bounds on a folder that a build has made: Linux 6.12 installs 1000 headers with 8 MB. */
const MAX_FILES = 50_000;
const MAX_DEPTH = 32;

const ENVIRONMENT = { PATH: TOOL_PATH, LC_ALL: 'C' };

/** Runs a tool of the system in the object folder as the build saw it: in a view it is only put together in the sandbox. */
async function inObjects(
  objects: ObjectFolder,
  command: string[],
  writable: string[],
  ctx: StageContext,
  more: Pick<RunOptions, 'input' | 'maxOutput'> = {},
) {
  const { access, path } = objects;
  const rights = { ...access, readable: [], writable: [...access.writable, ...writable] };
  const limits = { seconds: 600 };
  const [file = '', ...args] = await sandboxed(
    command,
    { ...rights, cwd: path, env: ENVIRONMENT, limits },
    ctx,
  );
  const options = { cwd: path, env: ENVIRONMENT, cleanEnv: true, signal: ctx.signal, accept: 'any' } as const;
  const result = await run(file, args, { ...options, maxOutput: 16 << 20, ...more });
  throwIfSandboxFailed(result);
  return result;
}

/** Names that kbuild gives to objects. Others come from a log that a build has forged. */
const OBJECT_NAME = /^[\w./+,@=-]{1,300}$/;
const MAX_OBJECTS = 5000;

/** Names are passed on standard input: together they may be larger than the arguments of a program can be. */
const PRINT_PRESENT = 'while IFS= read -r file; do [ -f "$file" ] && printf "%s\\n" "$file"; done; true';

/** Which of the objects with warnings still exist. */
export async function presentObjects(objects: ObjectFolder, ctx: StageContext): Promise<Set<string>> {
  const targets = objects.targetsWithWarnings.filter((target) => OBJECT_NAME.test(target));
  if (targets.length === 0) return new Set();
  const input = targets.slice(0, MAX_OBJECTS).map((target) => `${target}\n`);
  const { stdout } = await inObjects(objects, ['sh', '-c', PRINT_PRESENT], [], ctx, {
    input: input.join(''),
  });
  return new Set(stdout.split('\n'));
}

/**
 * Removes outputs of the source's build from a view: a tree whose rules make none would otherwise pass for having made them. The
 * objects that they are linked from stay.
 */
export async function removeOutputs(
  objects: ObjectFolder,
  outputs: readonly string[],
  ctx: StageContext,
): Promise<void> {
  const { code, stderr } = await inObjects(objects, ['rm', '-rf', '--', ...outputs], [], ctx);
  if (code !== 0) throw new LabError(`cannot remove outputs of an earlier build: ${stderr.trim()}`);
}

/** Bytes that cp may print: one message for each file that it cannot read. */
const MAX_COMPLAINTS = 1 << 20;

/**
 * Copies outputs of a finished build, by their paths in the object folder, to a new folder with the same paths; returns that folder.
 * Links, FIFOs and the like are copied as such and left to the reader to refuse. Throws VerdictError when an output is missing or cannot be copied.
 */
export async function collect(
  name: string,
  objects: ObjectFolder,
  outputs: readonly string[],
  ctx: StageContext,
): Promise<string> {
  const out = join(objects.scratch, 'out');
  await removeTree(out);
  await mkdir(out);
  // Without modes: the lab could not move files out of a folder that its user may not write.
  const copy = ['cp', '-R', '--no-dereference', '--no-preserve=mode', '--parents', '--', ...outputs, out];
  const failed = (reason: string) =>
    new VerdictError('build-failed', `${name} does not build: an output ${reason}`, reason);
  const { code, stderr } = await inObjects(objects, copy, [out], ctx, { maxOutput: MAX_COMPLAINTS }).catch(
    (error) => {
      if (!(error instanceof OutputLimitError)) throw error;
      throw failed('cannot be copied: it has thousands of files that cannot be read');
    },
  );
  if (code === 0) return out;
  throw failed(`is missing: ${stderr.trim().split('\n')[0]?.slice(0, 300) ?? ''}`);
}

/** Opens a folder that foreign code has made. Throws RefusedFile when its permissions forbid it. */
function openFolder(dir: string, below: string): Promise<Dir> {
  return opendir(join(dir, below)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EACCES' ? new RefusedFile(`no readable folder at ${below}`) : error;
  });
}

/** What a folder may have. */
interface ListBounds {
  /** Links are left out, instead of refused. */
  skipLinks?: boolean;
  /** Bytes of each file, and of all. */
  maxFileBytes?: number;
  maxBytes?: number;
}

/**
 * Regular files below a folder that foreign code has filled, relative to it. Throws RefusedFile for a link, FIFO or the like, for a name that is not UTF-8, and when there are too many files, or more bytes than `bounds` allow: a
 * sparse file takes no room where it is, but all of it when it is copied.
 */
export async function listFiles(dir: string, bounds: ListBounds = {}): Promise<string[]> {
  const { skipLinks = false } = bounds;
  const files: string[] = [];
  let entries = 0;
  let bytes = 0;
  const takeFile = async (path: string) => {
    files.push(path);
    if (bounds.maxFileBytes === undefined && bounds.maxBytes === undefined) return;
    const { size } = await lstat(join(dir, path));
    bytes += size;
    if (size > (bounds.maxFileBytes ?? size))
      throw new RefusedFile(`too large a file (${size} bytes) at ${path}`);
    if (bytes > (bounds.maxBytes ?? bytes))
      throw new RefusedFile(`files with more than ${bounds.maxBytes} bytes`);
  };
  const walk = async (below: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH)
      throw new RefusedFile(`folders deeper than ${MAX_DEPTH} levels at ${below.slice(0, 200)}`);
    for await (const entry of await openFolder(dir, below)) {
      const path = join(below, entry.name);
      if (++entries > MAX_FILES) throw new RefusedFile(`more than ${MAX_FILES} files`);
      // Such a name was decoded with a loss, and would not be found by it.
      if (entry.name.includes('\ufffd')) throw new RefusedFile(`a file whose name is not UTF-8 at ${path}`);
      if (entry.isDirectory()) await walk(path, depth + 1);
      else if (entry.isFile()) await takeFile(path);
      else if (!(skipLinks && entry.isSymbolicLink())) throw new RefusedFile(`no regular file at ${path}`);
    }
  };
  const top = await lstat(dir);
  if (!top.isDirectory()) throw new RefusedFile(`no folder at ${dir}`);
  await walk('', 0);
  return files.sort();
}
