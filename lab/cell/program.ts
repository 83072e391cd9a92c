import { readdir, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, posix, relative, resolve, sep } from 'node:path';
import { InputError } from '../core/errors.ts';
import { quoted } from '../core/quote.ts';
import type { StageContext } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import type { Cell } from '../model/plan.ts';
import type { TestResult } from '../model/result.ts';
import type { ProgramVerdict, Suite } from '../model/suite.ts';
import { librariesOf } from '../suite/libraries.ts';
import { type ExitConvention, exitConvention } from '../tap/index.ts';
import type { Start } from './launch.ts';

/** Where a program lives in the guest: a tmpfs. */
const HOME = '/run/program';
const OUTPUT_KEPT = 8000;

type PushFile = Parameters<Guest['push']>[0][number];

/** A path below the suite's folder, or an InputError. */
function inside({ dir, name }: Suite, path: string): string {
  const full = resolve(dir, path);
  if (full === dir || full.startsWith(dir + sep)) return full;
  throw new InputError({
    what: `${path} is outside of the suite`,
    where: name,
    expected: `a path below ${dir}`,
  });
}

async function filesBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The program, what it needs besides, and libraries that the guest lacks. */
async function filesOf(suite: Suite, program: string, signal: AbortSignal): Promise<PushFile[]> {
  const wanted = [program, ...suite.files.map((path) => inside(suite, path))];
  const missing: string[] = [];
  for (const path of wanted) await stat(path).catch(() => missing.push(path));
  if (missing.length > 0) {
    throw new InputError(
      missing.map((path) => ({ what: 'no such file', where: path, expected: `what ${suite.name} names` })),
    );
  }
  const all = new Set((await Promise.all(wanted.map(filesBelow))).flat());
  const own = await Promise.all(
    [...all].map(async (from) => {
      const to = posix.join(HOME, relative(suite.dir, from).split(sep).join('/'));
      return { from, to, mode: (await stat(from)).mode & 0o777 };
    }),
  );
  const libraries = await librariesOf(program, signal);
  return [
    ...own,
    ...libraries.map(({ name, path }) => ({ from: path, to: `${HOME}/.lib/${name}`, mode: 0o755 })),
  ];
}

/** The convention by which an exit code is read; undefined where only TAP counts. */
export function conventionOf(verdict: ProgramVerdict, path: string): ExitConvention | undefined {
  if (verdict === 'tap') return undefined;
  if (verdict !== 'auto') return verdict;
  return path.includes('/selftests/') ? 'kselftest' : 'liburing';
}

/** A shell gives 128 + n for a program that signal n ended. */
function whyOf(code: number | null): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128);
  return signal ? `ended by ${signal[0]}` : `exit code ${code}`;
}

export function resultOf(suite: Suite, program: string): NonNullable<Start['byExitCode']> {
  const convention = conventionOf(suite.verdict, program);
  return (code, output, anyTap): TestResult | undefined => {
    if (!convention || (suite.verdict === 'auto' && anyTap)) return undefined;
    const verdict = exitConvention(convention, code);
    const detail = output.slice(-OUTPUT_KEPT).trim();
    return {
      name: suite.name,
      verdict,
      ...(verdict === 'pass' ? {} : { reason: whyOf(code) }),
      ...(detail ? { detail } : {}),
    };
  };
}

/** Copies a program suite into the guest; how to start it. The kernel log has its beginning and end, as of a test. */
export async function startProgram(guest: Guest, { suite }: Cell, ctx: StageContext): Promise<Start> {
  const [first = '', ...args] = suite.run ?? [];
  const program = inside(suite, first);
  await guest.push(await filesOf(suite, program, ctx.signal));
  const words = [posix.join(HOME, relative(suite.dir, program).split(sep).join('/')), ...args].map(quoted);
  const mark = (what: string) => `echo '<5>ringlab: ${what} "${suite.name}"' >/dev/kmsg`;
  const command = [
    `cd ${HOME}`,
    mark('begin'),
    `LD_LIBRARY_PATH=${HOME}/.lib ${words.join(' ')}`,
    `code=$?; ${mark('end')}; exit $code`,
  ].join('\n');
  return { command, byExitCode: resultOf(suite, program), [Symbol.asyncDispose]: async () => {} };
}
