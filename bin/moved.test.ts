/** A checkout that is copied or moved together with the bundle made in it (a backup, a container layer, a CI cache). */
import { cpSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../lab/core/process.ts';

const checkout = join(import.meta.dirname, '..');
/** All that the command reads of a checkout. */
const PARTS = ['bin', 'images', 'kernels', 'lab', 'package.json', 'package-lock.json', 'reports', 'suites'];

const dir = t.testdir({ cache: {} });

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

t.test(
  'a copied or moved checkout finds its suites in its own folder, not where its bundle was made',
  async (t) => {
    const [original, copy, moved] = ['original', 'copy', 'moved'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    const ours = (path: string) => !/\/build(\/|$)/.test(path.slice(checkout.length));
    for (const part of PARTS)
      cpSync(join(checkout, part), join(original, part), { recursive: true, filter: ours });
    symlinkSync(join(checkout, 'node_modules'), join(original, 'node_modules'));
    t.ok((await suiteNames(original)).includes('ublk'), 'this run makes the bundle');

    // cp keeps times to the nanosecond, as backups do; cpSync does not.
    await run('cp', ['-a', original, copy]);
    renameSuite(copy, 'ublk', 'copied');
    const copied = await suiteNames(copy);
    t.ok(copied.includes('copied') && !copied.includes('ublk'), `suites of the copy: ${copied.join(', ')}`);

    renameSync(original, moved);
    renameSuite(moved, 'ublk', 'moved');
    const found = await suiteNames(moved);
    t.ok(found.includes('moved') && !found.includes('ublk'), `suites after the move: ${found.join(', ')}`);
  },
);
