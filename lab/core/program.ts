import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The path of the program that `run` starts for a command (execvp(3)): a name with `/` is a path from the working folder, any other
 * is searched for in PATH, the process's where `env` has none. Undefined when it is not installed. Throws nothing.
 */
export function findProgram(
  command: string,
  {
    env = {},
    cwd = '.',
    cleanEnv,
  }: { env?: Readonly<Record<string, string>>; cwd?: string; cleanEnv?: boolean } = {},
): string | undefined {
  if (command.includes('/')) return [resolve(cwd, command)].find(isProgram);
  const path = env.PATH ?? (cleanEnv ? undefined : process.env.PATH) ?? '/bin:/usr/bin';
  return path
    .split(':')
    .map((folder) => resolve(cwd, folder, command))
    .find(isProgram);
}
