import { readFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { makeFolder, writeAtomic } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { SuiteInfo } from '../model/suite.ts';

const TEMPLATE = join(projectRoot, 'suites/lib/template');

/** So that an editor knows the helpers: the lab itself needs none of it. */
function tsconfig(dir: string): string {
  const root = relative(dir, projectRoot);
  const paths = { 'ringlab/suite': [join(root, 'suites/lib/index.ts')] };
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      ...{ module: 'ESNext', moduleResolution: 'bundler' },
      rootDir: '/',
      typeRoots: [join(root, 'node_modules/@types')],
      paths,
    },
    include: ['*.ts'],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Makes the folder of a new suite, with tests that pass, to start from. Its name is the suite's. Throws InputError when it is there. */
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
