/** A checkout that is copied or moved together with the bundle made in it (a backup, a container layer, a CI cache). */
import { cpSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../lab/core/process.ts';

const checkout = join(import.meta.dirname, '..');
/** All that the command reads of a checkout. */
const PARTS = ['bin', 'images', 'kernels', 'lab', 'package.json', 'package-lock.json', 'reports', 'suites'];

const dir = t.testdir({ cache: {} });
const original = join(dir, 'original');
const copy = join(dir, 'copy');
const moved = join(dir, 'moved');

t.before(() => {
  const isSource = (path: string) => !/\/build(\/|$)/.test(path.slice(checkout.length));
  for (const part of PARTS)
    cpSync(join(checkout, part), join(original, part), { recursive: true, filter: isSource });
  symlinkSync(join(checkout, 'node_modules'), join(original, 'node_modules'));
});

async function suiteNames(folder: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, ['bin/ringlab.mjs', 'suite', 'list', '--json'], {
    cwd: folder,
    env: { RINGLAB_CACHE: join(dir, 'cache') },
  });
  return JSON.parse(stdout).suites.map(({ name }: { name: string }) => name);
}

function renameSuite(folder: string, name: string, newName: string): void {
  const renamed = join(folder, 'suites', newName);
  renameSync(join(folder, 'suites', name), renamed);
  const info = join(renamed, 'suite.yaml');
  writeFileSync(info, readFileSync(info, 'utf8').replace(/^name: .*$/m, `name: ${newName}`));
}

/** Hashes of what a checkout sends to guests, built there by a process in the working directory `cwd`. */
async function builtHashes(folder: string, cwd: string): Promise<{ agent: string; addon: string }> {
  const code = `
    import { createHash } from 'node:crypto';
    import { readFileSync } from 'node:fs';
    import { bundleAgent } from '${folder}/suites/agent/bundle.ts';
    import { buildBinding } from '${folder}/suites/binding/build.mjs';
    const { hash, path } = await bundleAgent({ name: 'passthrough', dir: '${folder}/suites/passthrough' });
    const addon = await buildBinding();
    for (const file of [path, addon]) if (!file.startsWith('${folder}/')) throw new Error(file);
    console.log(JSON.stringify({ agent: hash, addon: createHash('sha256').update(readFileSync(addon)).digest('hex') }));`;
  const tsx = import.meta.resolve('tsx');
  const { stdout } = await run(process.execPath, [`--import=${tsx}`, '--input-type=module', '-e', code], {
    cwd,
  });
  return JSON.parse(stdout);
}

t.test(
  'a copied or moved checkout finds its suites in its own folder, not where its bundle was made',
  async (t) => {
    t.ok((await suiteNames(original)).includes('ublk'), 'this run makes the bundle');

    // cp keeps times to the nanosecond, as backups do; cpSync does not.
    await run('cp', ['-a', original, copy]);
    renameSuite(copy, 'ublk', 'copied');
    const copiedNames = await suiteNames(copy);
    t.ok(
      copiedNames.includes('copied') && !copiedNames.includes('ublk'),
      `suites of the copy: ${copiedNames.join(', ')}`,
    );

    renameSync(original, moved);
    renameSuite(moved, 'ublk', 'moved');
    const movedNames = await suiteNames(moved);
    t.ok(
      movedNames.includes('moved') && !movedNames.includes('ublk'),
      `suites after the move: ${movedNames.join(', ')}`,
    );
  },
);

t.test(
  'equal sources give the same agent and addon wherever the checkout is and the lab is started',
  async (t) => {
    const [inCopy, elsewhere] = await Promise.all([builtHashes(copy, copy), builtHashes(moved, '/')]);
    t.same(inCopy, elsewhere);
  },
);
