import { open } from 'node:fs/promises';
import { posix } from 'node:path';

/** Bytes of a script that the kernel reads to find its interpreter (BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h). */
const HEAD = 256;

/** Folders that commands in guests are searched in. */
const PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Debian packages of interpreters whose package has another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  csh: 'tcsh',
  expect: 'expect',
  lua: 'lua5.4',
  php: 'php-cli',
  python: 'python-is-python3',
  Rscript: 'r-base-core',
  stap: 'systemtap',
  tclsh: 'tcl',
  wish: 'tk',
};

/** Interpreters whose Debian package has the same name. */
const NAMESAKES =
  /^(?:bash|bpftrace|dash|drgn|fish|fio|gawk|gdb|jq|ksh|lua5\.\d|make|mawk|mksh|nodejs|octave|perl|python3(?:\.\d+)?|ruby|tcsh|zsh)$/;

function packagesOf(interpreter: string): string[] {
  const name = posix.basename(interpreter);
  const renamed = Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : undefined;
  if (renamed) return [renamed];
  return NAMESAKES.test(name) ? [name] : [];
}

async function headOf(file: string): Promise<string> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0);
  return buffer.toString('latin1', 0, bytesRead);
}

/** The command that env(1) runs, from the words after it: options and settings of variables come first. */
function commandOfEnv(words: readonly string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (['-u', '--unset', '-C', '--chdir'].includes(word)) at++;
    else if (!word.startsWith('-') && !word.includes('=')) return word;
  }
  return undefined;
}

/** The interpreter that a script names: a path, or a command that `env` looks up. Undefined for what is no script. */
function interpreterIn(head: string): string | undefined {
  const [line = ''] = head.split('\n');
  // Only blanks and tabs end a word: a carriage return is part of the name that the kernel looks for.
  const [, program, rest = ''] = /^#![ \t]*([^ \t\0]+)[ \t]*(.*)$/s.exec(line) ?? [];
  if (program === undefined || posix.basename(program) !== 'env') return program;
  const words = rest.split(/[ \t]+/).filter(Boolean);
  const [first = ''] = words;
  // `-S` makes words of what the kernel passes as one; it may be written together with the first word.
  const split = /^-[a-zA-Z]*S(.*)$/.exec(first) ?? /^--split-string=?(.*)$/.exec(first);
  return commandOfEnv(split ? [...(split[1] ? [split[1]] : []), ...words.slice(1)] : words) ?? program;
}

/**
 * The interpreter of a script that guests lack, and the Debian packages that have it (none when the lab knows none). `interpreter` is
 * the path that the script names, or the command that `env` looks up. `provides` says whether guests have an absolute path. Undefined for
 * a script whose interpreter is there, for one that is found relative to the working folder, and for what is no script. Throws the error of
 * the file system.
 *
 * @example
 * const missing = await missingInterpreter('tests/run.sh', (path) => path === '/bin/sh');
 * if (missing) console.log(`${missing.interpreter}: packages: [${missing.packages.join(', ')}]`);
 */
export async function missingInterpreter(
  script: string,
  provides: (path: string) => boolean,
): Promise<{ interpreter: string; packages: string[] } | undefined> {
  const interpreter = interpreterIn(await headOf(script));
  if (interpreter === undefined) return undefined;
  const isCommand = !interpreter.includes('/');
  if (!isCommand && !interpreter.startsWith('/')) return undefined;
  const candidates = isCommand ? PATH.map((folder) => `${folder}/${interpreter}`) : [interpreter];
  if (candidates.some(provides)) return undefined;
  return { interpreter, packages: packagesOf(interpreter) };
}
