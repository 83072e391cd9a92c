import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { makeFolder, writeAtomic } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { SuiteInfo } from '../model/suite.ts';

const TEMPLATE = join(projectRoot, 'suites/lib/template');

/** Folder of the types of Node.js: in a checkout's node_modules, or beside the installed package. */
function typesFolder(): string {
  const types = createRequire(join(projectRoot, 'package.json')).resolve('@types/node/package.json');
  return dirname(dirname(types));
}

/** For editors, which find the helpers by it. The lab does not read it. */
function tsconfig(dir: string): string {
  const root = relative(dir, projectRoot);
  const paths = { 'ringlab/suite': [join(root, 'suites/lib/index.ts')] };
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      ...{ module: 'ESNext', moduleResolution: 'bundler' },
      rootDir: '/',
      typeRoots: [relative(dir, typesFolder())],
      paths,
    },
    include: ['*.ts'],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * Makes the folder of a new suite with tests that pass, to start from; the folder's name becomes the suite's. Throws InputError
 * when the folder exists or its name is not a suite's.
 */
export async function newSuite(path: string): Promise<{ name: string; dir: string; files: string[] }> {
  const dir = resolve(path);
  const name = basename(dir);
  if (!SuiteInfo.shape.name.safeParse(name).success)
    throw new InputError({
      what: `"${name}" is no name for a suite`,
      where: path,
      expected: 'a-z, then a-z, 0-9 and -',
    });
  if (await exists(dir))
    throw new InputError({
      what: 'it is there already',
      where: path,
      expected: 'a folder that is not there',
    });
  const [info, tests] = await Promise.all(
    ['suite.yaml', 'index.ts'].map((file) => readFile(join(TEMPLATE, file), 'utf8')),
  );
  const files = {
    'suite.yaml': (info ?? '').replace(/^name: .*$/m, `name: ${name}`),
    'index.ts': tests ?? '',
    'tsconfig.json': tsconfig(dir),
  };
  await makeFolder(dir, async (temp) => {
    for (const [file, text] of Object.entries(files)) await writeAtomic(join(temp, file), text);
  });
  return { name, dir, files: Object.keys(files) };
}
