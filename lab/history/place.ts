import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import { plainProblems } from '../core/path-characters.ts';

/** Where a history is kept: a file of SQLite, or a database of PostgreSQL. `label`: for messages, without a password. */
export type StorePlace =
  | { kind: 'sqlite'; file: string; label: string }
  | { kind: 'postgres'; url: string; label: string };

/** A connection string without its password, also where that is a parameter. */
function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.password) url.password = '***';
  if (url.searchParams.has('password')) url.searchParams.set('password', '***');
  return url.href;
}

function postgresPlace(url: string, setting: string): StorePlace {
  if (!URL.canParse(url))
    throw new InputError({
      what: 'the connection string is no address',
      where: setting,
      expected: 'postgres://USER@HOST/DATABASE, or a path',
    });
  return { kind: 'postgres', url, label: withoutPassword(url) };
}

/** The place that the settings name: option, `$RINGLAB_STORE`, `$XDG_STATE_HOME/ringlab`, `~/.local/state/ringlab`. */
function chosen(option: string | undefined): { text: string; setting: string } {
  const { RINGLAB_STORE, XDG_STATE_HOME } = process.env;
  if (option !== undefined) return { text: option, setting: '--store' };
  if (RINGLAB_STORE) return { text: RINGLAB_STORE, setting: 'RINGLAB_STORE' };
  const state = XDG_STATE_HOME || join(homedir(), '.local/state');
  return { text: join(state, 'ringlab/history.db'), setting: 'XDG_STATE_HOME' };
}

/** The store that an option or the environment names, not opened. Throws InputError for a place that cannot be one. */
export function storePlace(option?: string): StorePlace {
  const { text, setting } = chosen(option);
  if (/^postgres(?:ql)?:/i.test(text)) return postgresPlace(text, setting);
  if (/^[a-z]{2,}:\/\//i.test(text)) {
    const expected = 'postgres://USER@HOST/DATABASE, or a path';
    throw new InputError({ what: `"${text}" is no store`, where: setting, expected });
  }
  const problems = plainProblems(text, setting);
  if (text === '') problems.push({ what: 'the path is empty', where: setting, expected: 'a file' });
  if (problems.length > 0) throw new InputError(problems);
  const file = resolve(text);
  return { kind: 'sqlite', file, label: file };
}
