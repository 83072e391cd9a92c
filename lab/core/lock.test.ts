import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { lock } from './lock.ts';

t.test('waiting for a lock rejects with the abort reason', async (t) => {
  const dir = t.testdir();
  await using _lock = await lock(dir);
  const abort = new AbortController();
  const waiting = lock(dir, abort.signal, () => abort.abort(new Error('no more')));
  await t.rejects(waiting, /no more/);
});

const damages: Record<string, (folder: string) => void> = {
  'a lock of a clock that was wrong': (folder) => {
    mkdirSync(`${folder}.lock`);
    utimesSync(`${folder}.lock`, 4e9, 4e9);
  },
  'an old lock with files in it': (folder) => {
    mkdirSync(`${folder}.lock/in`, { recursive: true });
    utimesSync(`${folder}.lock`, 1, 1);
  },
  'an old file as a lock': (folder) => {
    writeFileSync(`${folder}.lock`, '');
    utimesSync(`${folder}.lock`, 1, 1);
  },
  'a link that leads nowhere as a lock': (folder) => symlinkSync('nowhere', `${folder}.lock`),
  'a file in place of the folder': (folder) => writeFileSync(folder, ''),
  'a link that leads nowhere in place of the folder': (folder) => symlinkSync('nowhere', folder),
};
for (const [name, damage] of Object.entries(damages)) {
  t.test(`${name} is removed`, async (t) => {
    const folder = join(t.testdir(), 'key');
    damage(folder);
    await using _lock = await lock(folder, AbortSignal.timeout(25_000));
    t.ok(statSync(folder).isDirectory());
    t.ok(statSync(`${folder}.lock`).isDirectory());
  });
}

t.test('a link as a lock is removed, not followed', async (t) => {
  const dir = t.testdir({ precious: { file: 'kept' } });
  symlinkSync('precious', join(dir, 'key.lock'));
  await using _lock = await lock(join(dir, 'key'), AbortSignal.timeout(25_000));
  t.ok(existsSync(join(dir, 'precious/file')));
});

t.test('a lock that is lost stops its holder with an error of the lab', async (t) => {
  const folder = join(t.testdir(), 'key');
  const script = `
    const { lock } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.ts'))});
    const { rmSync } = await import('node:fs');
    process.on('uncaughtException', (error) => { console.log(error.name, error.message); process.exit(7); });
    await lock(process.argv[1]);
    rmSync(process.argv[1] + '.lock', { recursive: true });
    // The library's timer does not keep a process alive.
    setTimeout(() => {}, 20_000);
  `;
  const args = ['--import=tsx', '--input-type=module', '--eval', script, folder];
  const error = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env.PATH } }).catch(
    (thrown) => thrown,
  );
  t.match(error, { code: 7, stdout: /^LabError the lock of .*key was lost/ });
});
