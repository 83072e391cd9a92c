import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupError } from './command.mjs';

/**
 * Builds the native binding of the suites; its own build script knows when there is nothing to do.
 * @param {string} root
 */
export async function ensureBinding(root) {
  const script = join(root, 'suites/binding/build.mjs');
  if (!existsSync(script)) throw new SetupError(`${script} is missing: this is not a whole checkout`);
  const { buildBinding } = await import(pathToFileURL(script).href);
  try {
    await buildBinding();
  } catch (error) {
    throw new SetupError(
      `the native binding could not be built: ${error.message}\n${error.stderr ?? ''}`.trim(),
    );
  }
}
