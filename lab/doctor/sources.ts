import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../core/cache.ts';
import { findProgram } from '../core/program.ts';
import { DEFAULT_KERNEL, type KernelSource, SourcesFile } from '../model/kernel.ts';
import { parseYaml } from '../model/parse.ts';
import { type Finding, install } from './finding.ts';

/** Keys of the Debian archive, as the package debian-archive-keyring installs them. */
const KEYRING = /^debian-archive-keyring\.(?:gpg|pgp)$/;

/** Where this machine may have sources of Debian. */
export interface DebianFolders {
  /** Where source packages install their tarballs. */
  srcDir: string;
  /** Where keyrings are. */
  keyringDir: string;
}

/** Whether a package can be downloaded from its suite, and what is missing. */
async function examineDownload(
  suite: string,
  keyringDir: string,
): Promise<Pick<Finding, 'ok' | 'found' | 'fix'>> {
  if (findProgram('apt-get') === undefined)
    return { ok: false, fix: 'no apt here: use a tarball, ringlab source add NAME --tarball FILE' };
  const keyrings = await readdir(keyringDir).catch(() => []);
  if (!keyrings.some((file) => KEYRING.test(file)))
    return { ok: false, fix: install('debian-archive-keyring') };
  return { ok: true, found: `downloaded from Debian ${suite} when it is used` };
}

async function examineSource(
  name: string,
  source: KernelSource,
  { srcDir, keyringDir }: DebianFolders,
): Promise<Finding> {
  const need = `kernel source ${name}`;
  // Other sources are used only by name.
  const level = name === DEFAULT_KERNEL ? 'required' : 'optional';
  if (source.url !== undefined)
    return { need, ok: true, found: `downloaded from ${source.url} when it is used`, level };
  if (source.package === undefined) {
    const path = source.path ?? '';
    if (await exists(path)) return { need, ok: true, found: path, level };
    return { need, ok: false, level, fix: `${path} does not exist: correct the path in the sources file` };
  }
  const files = await readdir(srcDir).catch(() => []);
  const tarball = files.find((file) => file.startsWith(`${source.package}.tar`));
  if (tarball) return { need, ok: true, found: join(srcDir, tarball), level };
  if (source.suite !== undefined)
    return { need, level, ...(await examineDownload(source.suite, keyringDir)) };
  // Set-up installs optional sources only with --all.
  const fix =
    level === 'required' ? install(source.package) : install(source.package, 'npm run setup -- --all');
  return { need, ok: false, level, fix };
}

/** The sources of files like kernels/sources.yaml; a file that does not exist has none. Throws InputError when a file is malformed. */
export async function examineSources(
  sourcesFiles: readonly string[],
  folders: DebianFolders,
): Promise<Finding[]> {
  const present: string[] = [];
  for (const file of sourcesFiles) if (await exists(file)) present.push(file);
  const lists = await Promise.all(
    present.map(async (file) => parseYaml(SourcesFile, await readFile(file, 'utf8'), file)),
  );
  const sources = Object.entries(Object.assign({}, ...lists) as SourcesFile);
  return Promise.all(sources.map(([name, source]) => examineSource(name, source, folders)));
}
