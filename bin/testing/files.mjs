import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** Top-level folders that have tests beside their code. */
const ROOMS = ['bin', 'examples', 'images', 'kernels', 'lab', 'reports', 'setup', 'suites'];

const isTest = (file) =>
  /\.(test|e2e)\.ts$/.test(file) && !/(^|\/)(node_modules|build|fixtures)\//.test(file);

function testsIn(root, folder) {
  const dir = join(root, folder);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter(isTest)
    .sort();
}

/** A test that takes long, such as one that builds another kernel. */
const isNightly = (file) => file.endsWith('.nightly.e2e.ts');

/**
 * Test files, relative to the root: all, without the nightly ones unless `nightly`, or those that names of files and folders select.
 * Throws for a name that does not exist or selects no test.
 * @param {string} root
 * @param {readonly string[]} names paths, relative to the working directory
 * @param {{ nightly?: boolean }} options
 * @returns {{ unit: string[], e2e: string[] }}
 */
export function findTests(root, names, { nightly = false } = {}) {
  const all = () =>
    ROOMS.flatMap((room) => testsIn(root, room)).filter((file) => nightly || !isNightly(file));
  const files = names.length === 0 ? all() : names.flatMap(testsNamed);
  const unique = [...new Set(files)];
  return {
    unit: unique.filter((file) => file.endsWith('.test.ts')),
    e2e: unique.filter((file) => file.endsWith('.e2e.ts')),
  };

  /** @param {string} name */
  function testsNamed(name) {
    const path = relative(root, resolve(name));
    const exists = existsSync(join(root, path));
    const selected =
      exists && statSync(join(root, path)).isDirectory() ? testsIn(root, path) : [path].filter(isTest);
    if (exists && selected.length > 0) return selected;
    throw new Error(
      `${name}: ${exists ? 'neither a test file (*.test.ts, *.e2e.ts) nor a folder with one' : 'no such file or folder'}`,
    );
  }
}
