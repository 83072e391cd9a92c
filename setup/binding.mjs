import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupError } from './command.mjs';

/**
 * Compiles the native addon of the suites, unless it is up to date. Throws SetupError with the compiler's messages when it does not
 * compile.
 * @param {string} root folder of the checkout
 */
export async function ensureBinding(root) {
  const script = join(root, 'suites/binding/build.mjs');
  if (!existsSync(script)) throw new SetupError(`${script} is missing: the checkout is not complete`);
  const { buildBinding } = await import(pathToFileURL(script).href);
  try {
    await buildBinding();
  } catch (error) {
    throw new SetupError(
      `the native addon could not be compiled: ${error.message}\n${error.stderr ?? ''}`.trim(),
    );
  }
}
