import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { DEFAULT_KERNEL, KernelSource } from '../model/kernel.ts';
import { parseYaml } from '../model/parse.ts';
import { type Finding, install } from './finding.ts';

async function examineSource(name: string, source: KernelSource, srcDir: string): Promise<Finding> {
  const need = `kernel source ${name}`;
  // Other sources are used only by name.
  const level = name === DEFAULT_KERNEL ? 'required' : 'optional';
  if (source.package === undefined) {
    const path = source.path ?? '';
    if (await exists(path)) return { need, ok: true, found: path, level };
    return { need, ok: false, level, fix: `${path} does not exist: correct the path in the sources file` };
  }
  const files = await readdir(srcDir).catch(() => []);
  const tarball = files.find((file) => file.startsWith(`${source.package}.tar`));
  if (tarball) return { need, ok: true, found: join(srcDir, tarball), level };
  // Set-up installs optional sources only with --all.
  const fix =
    level === 'required' ? install(source.package) : install(source.package, 'npm run setup -- --all');
  return { need, ok: false, level, fix };
}

/** The sources of a file like kernels/sources.yaml. Throws InputError when the file is malformed. */
export async function examineSources(sourcesFile: string, srcDir: string): Promise<Finding[]> {
  const text = await readFile(sourcesFile, 'utf8');
  const sources = parseYaml(z.record(z.string(), KernelSource), text, sourcesFile);
  return Promise.all(Object.entries(sources).map(([name, source]) => examineSource(name, source, srcDir)));
}
