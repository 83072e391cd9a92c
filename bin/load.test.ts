/** How a checkout bundles its command, in a project of three files. */
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../lab/core/process.ts';
import { bundle } from './bundle.mjs';

const checkout = join(import.meta.dirname, '..');

function project(t: Test) {
  const dir = t.testdir({
    'package.json': '{ "name": "ringlab", "type": "module" }',
    'package-lock.json': '{}',
    'main.mjs':
      "process.setSourceMapsEnabled(true); const { say } = await (await import('./bin/load.mjs')).loadLab(); say();\n",
    bin: {},
    lab: {
      core: { 'here.ts': "export { packageRoot as here } from '../../bin/root.mjs';\n" },
    },
  });
  for (const name of ['bundle.mjs', 'load.mjs', 'root.mjs'])
    cpSync(join(checkout, 'bin', name), join(dir, 'bin', name));
  symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
  const write = (body: string) =>
    writeFileSync(
      join(dir, 'lab/index.ts'),
      `import { here } from './core/here.ts';\nexport const say = (): void => {\n  ${body}\n};\n`,
    );
  const start = async () => {
    const { stdout, stderr } = await run(process.execPath, [join(dir, 'main.mjs')], { accept: 'any' });
    return stdout + stderr;
  };
  const bundles = () => readdirSync(join(dir, 'bin/build')).filter((name) => name.endsWith('.mjs'));
  return { dir, write, start, bundles };
}

t.test('the command is bundled once, and again when a source has changed', async (t) => {
  const { dir, write, start, bundles } = project(t);
  write('console.log("one", here);');
  t.equal(await start(), `one ${dir}\n`, 'output of the first bundle, with the folder of the project');
  t.match(await start(), 'one ');
  t.equal(bundles().length, 1, 'bundles after two runs of the same sources');
  write('console.log("another", here);');
  t.match(await start(), 'another ');
  t.equal(bundles().length, 2, 'bundles after a change');
});

t.test('commands that start at the same time without a bundle all run', async (t) => {
  const { dir, write, start } = project(t);
  write('console.log("one", here);');
  const outputs = await Promise.all(Array.from({ length: 7 }, start));
  t.same(outputs, Array(7).fill(`one ${dir}\n`));
});

t.test('a bundle of earlier sources is removed when it is more than an hour old', async (t) => {
  const { dir, write, start, bundles } = project(t);
  write('console.log("one", here);');
  await start();
  const [first = ''] = bundles();
  const past = new Date(Date.now() - 2 * 3_600_000);
  utimesSync(join(dir, 'bin/build', first), past, past);
  write('console.log("another", here);');
  await start();
  t.equal(bundles().length, 1);
  t.notOk(bundles().includes(first));
});

t.test('a bundle that was deleted without its key file is made again', async (t) => {
  const { dir, write, start, bundles } = project(t);
  write('console.log("one", here);');
  await start();
  for (const name of bundles()) rmSync(join(dir, 'bin/build', name));
  t.equal(await start(), `one ${dir}\n`);
  t.equal(bundles().length, 1);
});

t.test('a trace shows the line of the source, and a source that does not compile is named', async (t) => {
  const { write, start } = project(t);
  write('throw new Error(here);');
  t.match(await start(), /lab\/index\.ts:3:9/);
  write('const = 3;');
  t.match(await start(), /index\.ts:3:\d+[\s\S]*ERROR|ERROR[\s\S]*index\.ts:3/);
});

t.test('in a checkout that cannot be written to the command runs without a bundle', async (t) => {
  const { dir, write, start } = project(t);
  write('console.log("one", here);');
  rmSync(join(dir, 'bin/build'), { recursive: true, force: true });
  writeFileSync(join(dir, 'bin/build'), 'a file where the folder would be');
  t.equal(await start(), `one ${dir}\n`);
});

t.test('no place is compiled into the bundle of the lab', async (t) => {
  const { contents, inputs } = await bundle({ entry: 'lab/index.ts', outfile: 'bin/build/lab.mjs' });
  t.notOk(contents.includes(checkout), 'the bundle holds no path of the checkout');
  const sources = inputs.filter((path) => !/(^|\/)node_modules\//.test(path));
  t.ok(sources.length > 100, `${sources.length} sources of the package`);
  // The root is found through import.meta, and node-api-headers is resolved as from any other module of the package.
  const exempt = ['bin/root.mjs', 'suites/binding/build.mjs'];
  const placed = sources.filter(
    (path) => !exempt.includes(path) && readFileSync(join(checkout, path), 'utf8').includes('import.meta'),
  );
  t.same(
    placed,
    [],
    'modules that look for files beside themselves, which in a bundle are beside the bundle',
  );
  t.ok(exempt.every((path) => existsSync(join(checkout, path))));
});
