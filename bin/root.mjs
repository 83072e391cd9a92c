import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Name in the package.json of a folder; undefined where there is no package.json. */
function packageName(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

function rootAbove(folder) {
  if (packageName(folder) === 'ringlab') return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no folder above ${import.meta.dirname} is the package ringlab`);
  return rootAbove(parent);
}

/**
 * Folder of the package, a checkout or an installed one: the closest folder above this module whose package.json is ringlab's.
 * Looked up when the program starts, also in a bundle, whose place is this module's then: a path that was compiled in would
 * lead a moved bundle to the files of its old folder. Modules that are bundled take their paths from here.
 */
export const packageRoot = rootAbove(import.meta.dirname);
