import { tmpdir } from 'node:os';
import { InputError, type Problem } from './errors.ts';

const CONTROL = /[\u0000-\u001f\u007f]/;
/** make(1) splits words at blanks, takes `:` for the end of a target and `%` for a pattern, and expands `$` and `#`; shells read the rest. */
const NOT_IN_MAKE = /[\s:$#%'"\\;&|<>()*?[\]{}~`!]/;

const shown = (path: string) => JSON.stringify(path);

function problemOf(setting: string, path: string, refused: RegExp, why: string): Problem[] {
  const character = refused.exec(path)?.[0];
  if (character === undefined) return [];
  const name = character === ' ' ? 'a blank' : `the character ${shown(character)}`;
  return [
    { what: `the path ${shown(path)} has ${name}: ${why}`, where: setting, fix: 'choose another folder' },
  ];
}

/** What is wrong with the path of the cache: kernels are built in it by make, which cannot have every character in a path. */
export const cacheProblems = (path: string, setting: string): Problem[] =>
  problemOf(setting, path, NOT_IN_MAKE, 'kernels are built there, and make does not take such a path');

/** What is wrong with the path of a run record or of temporary files: only control characters, which no message can show. */
export const plainProblems = (path: string, setting: string): Problem[] =>
  problemOf(setting, path, CONTROL, 'control characters are not taken');

/** Throws InputError when the folder for temporary files has a path that cannot be used. */
export function checkTemporaryFolder(): void {
  const problems = plainProblems(tmpdir(), 'TMPDIR');
  if (problems.length > 0) throw new InputError(problems);
}
