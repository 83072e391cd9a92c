import { existsSync } from 'node:fs';

const loader = new URL('./load.mjs', import.meta.url);

/**
 * The module lab/index.ts. A checkout has load.mjs, which keeps a bundle of its sources up to date; the installed package has the
 * bundle only. Throws an Error with the code NOT_SET_UP in a checkout that is not set up.
 * @returns {Promise<typeof import('../lab/index.ts')>}
 */
export async function openLab() {
  if (!existsSync(loader)) return import('../dist/ringlab.mjs');
  if (!existsSync(new URL('../node_modules/tsx', import.meta.url)))
    throw Object.assign(new Error('this checkout is not set up yet: run npm run setup first'), {
      code: 'NOT_SET_UP',
    });
  return (await import(loader.href)).loadLab();
}
