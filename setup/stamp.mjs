import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The content of a file; undefined when it does not exist.
 * @param {string} file
 */
function contentOf(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Hash over facts and the content of files in their order. A missing file has a value too. Paths are left out, so that a checkout
 * may be moved.
 * @param {readonly string[]} files
 * @param {readonly string[]} facts
 */
export function stampOf(files, facts) {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const file of files)
    hash
      .update('\0')
      .update(contentOf(file) ?? 'absent')
      .update('\0');
  return hash.digest('hex');
}

/**
 * Does `work` unless `product` exists and the stamp file holds `stamp`, the hash of what it is made from. The stamp file is written
 * after the work has succeeded: `work` may throw, or return false.
 * @param {{ file: string, stamp: string, product: string }} target paths of stamp file and product, and the current hash
 * @param {() => boolean | void} work
 */
export function unlessStamped({ file, stamp, product }, work) {
  if (contentOf(file)?.toString() === stamp && existsSync(product)) return;
  if (work() === false) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, stamp);
  renameSync(`${file}.tmp`, file);
}
