import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { KernelSource } from '../model/kernel.ts';
import { parseYaml } from '../model/parse.ts';
import { type Finding, install } from './finding.ts';

/** The base that is used when none is named has to be there; any other only if somebody wants it. */
const DEFAULT_SOURCE = 'debian-6.12';

async function examineSource(name: string, source: KernelSource, srcDir: string): Promise<Finding> {
  const need = `kernel source ${name}`;
  const level = name === DEFAULT_SOURCE ? 'required' : 'optional';
  if (source.package === undefined) {
    const path = source.path ?? '';
    if (await exists(path)) return { need, ok: true, found: path, level };
    return { need, ok: false, level, fix: `${path} is not there: correct its path in the sources file` };
  }
  const files = await readdir(srcDir).catch(() => []);
  const tarball = files.find((file) => file.startsWith(`${source.package}.tar`));
  if (tarball) return { need, ok: true, found: join(srcDir, tarball), level };
  // Set-up brings the other bases only when it is asked to.
  const fix =
    level === 'required' ? install(source.package) : install(source.package, 'npm run setup -- --all');
  return { need, ok: false, level, fix };
}

/** The bases of a sources file (kernels/sources.yaml). Throws InputError when the file is wrong. */
export async function examineSources(sourcesFile: string, srcDir: string): Promise<Finding[]> {
  const text = await readFile(sourcesFile, 'utf8');
  const sources = parseYaml(z.record(z.string(), KernelSource), text, sourcesFile);
  return Promise.all(Object.entries(sources).map(([name, source]) => examineSource(name, source, srcDir)));
}
