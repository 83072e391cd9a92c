// Before `npm pack` and `npm publish`: makes the bundle that the installed package runs.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import writeFile from 'write-file-atomic';
import { bundle } from './bundle.mjs';
import { packageRoot } from './root.mjs';

const outfile = 'dist/ringlab.mjs';
const path = join(packageRoot, outfile);
const { contents } = await bundle({ entry: 'lab/cli/main.ts', outfile });
await mkdir(dirname(path), { recursive: true });
await writeFile(path, contents);
