import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** Folders that hold tests beside their code. */
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

/**
 * The test files that are meant, relative to the root: all, or those named by files and folders.
 * @param {string} root
 * @param {readonly string[]} names paths from the caller's folder
 * @returns {{ unit: string[], e2e: string[] }}
 */
export function findTests(root, names) {
  const files = names.length === 0 ? ROOMS.flatMap((room) => testsIn(root, room)) : names.flatMap(named);
  const unique = [...new Set(files)];
  return {
    unit: unique.filter((file) => file.endsWith('.test.ts')),
    e2e: unique.filter((file) => file.endsWith('.e2e.ts')),
  };

  /** @param {string} name */
  function named(name) {
    const path = relative(root, resolve(name));
    const there = existsSync(join(root, path));
    const found =
      there && statSync(join(root, path)).isDirectory() ? testsIn(root, path) : [path].filter(isTest);
    if (there && found.length > 0) return found;
    throw new Error(
      `${name}: ${there ? 'no test file (*.test.ts, *.e2e.ts), nor a folder with any' : 'no such file or folder'}`,
    );
  }
}
