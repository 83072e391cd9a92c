/** Bundling the command, in a project of three files. */
import { cpSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../lab/core/process.ts';

const project = join(import.meta.dirname, '..');

function world(t: Test) {
  const dir = t.testdir({
    'package-lock.json': '{}',
    'main.mjs': "const { say } = await (await import('./bin/load.mjs')).loadLab(); say();\n",
    bin: {},
    lab: { cli: {}, core: { 'here.ts': 'export const here: string = import.meta.dirname;\n' } },
  });
  cpSync(join(project, 'bin/load.mjs'), join(dir, 'bin/load.mjs'));
  symlinkSync(join(project, 'node_modules'), join(dir, 'node_modules'));
  const write = (body: string) =>
    writeFileSync(
      join(dir, 'lab/cli/main.ts'),
      `import { here } from '../core/here.ts';\nexport const say = (): void => {\n  ${body}\n};\n`,
    );
  const start = async () => {
    const { stdout, stderr } = await run(process.execPath, [join(dir, 'main.mjs')], { accept: 'any' });
    return stdout + stderr;
  };
  const bundles = () => readdirSync(join(dir, 'bin/build')).filter((name) => name.endsWith('.mjs'));
  return { dir, write, start, bundles };
}

t.test('the command is bundled once, and again when a source has changed', async (t) => {
  const { dir, write, start, bundles } = world(t);
  write('console.log("one", here);');
  t.match(await start(), `one ${join(dir, 'lab/core')}`, 'a module still knows its own place');
  t.match(await start(), 'one ');
  t.equal(bundles().length, 1);
  write('console.log("another", here);');
  t.match(await start(), 'another ');
  t.equal(bundles().length, 2);
});

t.test('traces show the source; what does not compile is named', async (t) => {
  const { write, start } = world(t);
  write('throw new Error(here);');
  t.match(await start(), /lab\/cli\/main\.ts:3:9/);
  write('const = 3;');
  t.match(await start(), /main\.ts:3:\d+[\s\S]*ERROR|ERROR[\s\S]*main\.ts:3/);
});

t.test('where nothing can be written the command works all the same', async (t) => {
  const { dir, write, start } = world(t);
  write('console.log("one", here);');
  rmSync(join(dir, 'bin/build'), { recursive: true, force: true });
  writeFileSync(join(dir, 'bin/build'), 'in the way of the folder');
  t.match(await start(), `one ${join(dir, 'lab/core')}`);
});
