// Before `npm pack` and `npm publish`: makes the bundle that the installed package runs, and the types of what it exports.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import writeAtomic from 'write-file-atomic';
import { bundle } from './bundle.mjs';
import { declarations } from './declarations.mjs';
import { packageRoot } from './root.mjs';

async function packBundle() {
  const outfile = 'dist/ringlab.mjs';
  const path = join(packageRoot, outfile);
  const { contents } = await bundle({ entry: 'lab/index.ts', outfile });
  await mkdir(dirname(path), { recursive: true });
  await writeAtomic(path, contents);
}

async function packTypes() {
  const folder = join(packageRoot, 'dist/types');
  await rm(folder, { recursive: true, force: true });
  for (const [path, text] of declarations(['lab/api/index.ts', 'suites/lib/index.ts'])) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

await packBundle();
await packTypes();
