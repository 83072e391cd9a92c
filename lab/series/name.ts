import { InputError } from '../core/errors.ts';

/** Names of series: valid as a file name on every system. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Throws InputError when a name cannot be that of a series. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  const expected = 'letters, digits, dot, dash and underscore, not a dot first, at most 100';
  throw new InputError({ what: `"${name}" cannot be the name of a series`, expected });
}
