import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** @param {string} file */
function contentOf(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Hash of the content of files, in their order, and of other facts; a file that is not there counts as that. Their folder does
 * not count: a checkout may move.
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
 * Does `work` unless `product` is there and the stamp file says that it was made from the same content. The stamp is written
 * when the work has succeeded.
 * @param {{ file: string, stamp: string, product: string }} made
 * @param {() => void} work
 */
export function unlessStamped({ file, stamp, product }, work) {
  if (contentOf(file)?.toString() === stamp && existsSync(product)) return;
  work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, stamp);
  renameSync(`${file}.tmp`, file);
}
