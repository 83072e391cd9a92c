// Builds the native addon. Plain JavaScript: set-up runs it when nothing of TypeScript can be loaded yet.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../bin/root.mjs';

const here = join(packageRoot, 'suites/binding');
const native = join(here, 'native');
const FLAGS = [
  ...['-std=gnu11', '-O2', '-g', '-Wall', '-Wextra', '-fPIC', '-fvisibility=hidden', '-shared', '-pthread'],
  '-Wl,-z,relro,-z,now',
];

/** The C files in a fixed order, and the hash of all that the addon is made from. */
async function sources() {
  const names = (await readdir(native)).filter((name) => /[.][ch]$/.test(name)).sort();
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, process.arch, process.env.CC ?? 'cc']));
  for (const name of names) hash.update(`\0${name}\0`).update(await readFile(join(native, name)));
  const files = names.filter((name) => name.endsWith('.c'));
  return { files, key: hash.digest('hex').slice(0, 16) };
}

/** Hash of an addon, kept beside it: a truncated addon would crash in the guest and look like a fault of the kernel. */
const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The content of a file; undefined when it does not exist or is no file. */
const contentOf = (file) =>
  readFile(file).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });

/**
 * Builds `ringlab-<key>.node` in `folder` (made if missing) unless it is there, and returns its path. The key is the hash of sources,
 * flags and compiler name: builds of several checkouts may share a folder. The addon fits every version of Node.js (Node-API).
 * Concurrent builds do not disturb each other. Rejects with the compiler's error (`stderr`) when a source does not compile.
 * @param {string} [folder] default: suites/binding/build
 * @param {(file: string) => void} [onDamage] called when the file is there but is not as it was built; it is built again
 * @returns {Promise<string>}
 */
export async function buildBinding(folder = join(here, 'build'), onDamage = () => {}) {
  const { files, key } = await sources();
  const target = resolve(folder, `ringlab-${key}.node`);
  const content = await contentOf(target);
  if (content !== undefined) {
    const expected = await contentOf(`${target}.sha256`);
    if (expected?.toString() === sum(content)) return target;
    // Versions before this one kept no sum.
    if (expected) onDamage(target);
  }
  const { include_dir: include } = createRequire(import.meta.url)('node-api-headers');
  await mkdir(folder, { recursive: true });
  const temp = `${target}.${process.pid}.tmp`;
  try {
    // Equal sources give an equal addon: debug information would have the place of the checkout.
    const places = [`-ffile-prefix-map=${native}=native`, `-ffile-prefix-map=${include}=include`];
    const args = [...FLAGS, ...places, `-I${include}`, '-o', temp, ...files];
    await promisify(execFile)(process.env.CC ?? 'cc', args, { cwd: native });
    // The sum first: a kill in between leaves an addon without a sum that fits, which is built again.
    await writeFile(`${temp}.sha256`, sum(await readFile(temp)));
    await rename(`${temp}.sha256`, `${target}.sha256`);
    await rename(temp, target);
  } finally {
    await Promise.all([temp, `${temp}.sha256`].map((file) => rm(file, { force: true })));
  }
  return target;
}

if (process.argv[1] === join(here, 'build.mjs')) console.log(await buildBinding());
