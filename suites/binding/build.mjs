// Builds the native addon. Plain JavaScript, since setup runs it before TypeScript can be run.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const native = join(here, 'native');
const target = join(here, 'build', 'ringlab.node');
const FLAGS = [
  ...['-std=gnu11', '-O2', '-g', '-Wall', '-Wextra', '-fPIC', '-fvisibility=hidden', '-shared', '-pthread'],
  '-Wl,-z,relro,-z,now',
];

/** The C files, and a hash of everything that the addon depends on: sources, flags, architecture, compiler. */
async function sources() {
  const names = (await readdir(native)).filter((name) => /[.][ch]$/.test(name)).sort();
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, process.arch, process.env.CC ?? 'cc']));
  for (const name of names) hash.update(`\0${name}\0`).update(await readFile(join(native, name)));
  const files = names.filter((name) => name.endsWith('.c')).map((name) => join(native, name));
  return { files, key: hash.digest('hex') };
}

/**
 * Builds `build/ringlab.node` unless it is up to date, and returns its path. Concurrent builds are safe: each renames a temporary file
 * over the target. Rejects with the compiler's error.
 * @returns {Promise<string>}
 */
export async function buildBinding() {
  const { files, key } = await sources();
  const keyFile = `${target}.key`;
  const [builtKey, existing] = await Promise.allSettled([readFile(keyFile, 'utf8'), access(target)]);
  if (builtKey.value === key && existing.status === 'fulfilled') return target;
  const { include_dir: include } = createRequire(import.meta.url)('node-api-headers');
  await mkdir(dirname(target), { recursive: true });
  const temp = `${target}.${process.pid}.tmp`;
  try {
    await promisify(execFile)(process.env.CC ?? 'cc', [...FLAGS, `-I${include}`, '-o', temp, ...files]);
    await rename(temp, target);
    await writeFile(`${keyFile}.${process.pid}.tmp`, key);
    await rename(`${keyFile}.${process.pid}.tmp`, keyFile);
  } finally {
    await rm(temp, { force: true });
  }
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildBinding());
