import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { damageOf, discard, ensureSealed, seal } from './seal.ts';

const CONTENT = 'all that a guest boots from\n'.repeat(100);

async function sealed(t: Test): Promise<string> {
  const folder = join(t.testdir({ entry: { 'root.img': CONTENT, deep: { file: 'x' } } }), 'entry');
  symlinkSync('root.img', join(folder, 'link'));
  await seal(folder);
  return folder;
}

t.test('a sealed folder is sound, also with further files, and as a copy elsewhere', async (t) => {
  const folder = await sealed(t);
  t.equal(await damageOf(folder), undefined);
  writeFileSync(join(folder, 'deep/later'), 'y');
  t.equal(await damageOf(folder), undefined, 'with a file that was added');
  const copy = `${folder}-copy`;
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
  t.equal(await damageOf(copy), undefined, 'a copy, whose inodes differ');
  truncateSync(join(copy, 'root.img'), 10);
  t.match(await damageOf(copy), /root\.img is not as it was written/);
});

t.test('each kind of damage is found and named', async (t) => {
  const kinds: [string, (folder: string) => void, RegExp][] = [
    ['a truncated file', (folder) => truncateSync(join(folder, 'root.img'), 100), /root\.img is not as/],
    ['an empty file', (folder) => truncateSync(join(folder, 'root.img'), 0), /root\.img is not as/],
    ['a missing file', (folder) => rmSync(join(folder, 'deep/file')), /deep\/file is missing/],
    [
      'zeros of the same size, with the old time stamp',
      (folder) => {
        const file = join(folder, 'root.img');
        const { atime, mtime } = statSync(file);
        writeFileSync(file, Buffer.alloc(CONTENT.length));
        utimesSync(file, atime, mtime);
      },
      /root\.img is not as/,
    ],
    [
      'a link in place of a file',
      (folder) => {
        renameSync(join(folder, 'root.img'), join(folder, 'other.img'));
        symlinkSync('other.img', join(folder, 'root.img'));
      },
      /root\.img is not as/,
    ],
    [
      'a folder in place of a file',
      (folder) => {
        rmSync(join(folder, 'root.img'));
        mkdirSync(join(folder, 'root.img'));
      },
      /root\.img is not as/,
    ],
    [
      'a link to elsewhere',
      (folder) => {
        rmSync(join(folder, 'link'));
        symlinkSync('/dev/zero', join(folder, 'link'));
      },
      /link is not as/,
    ],
    [
      'a FIFO in place of the seal',
      (folder) => {
        rmSync(join(folder, 'ringlab-seal.json'));
        execFileSync('mkfifo', [join(folder, 'ringlab-seal.json')]);
      },
      /list of its files/,
    ],
    [
      'a link without end in place of the seal',
      (folder) => {
        rmSync(join(folder, 'ringlab-seal.json'));
        symlinkSync('/dev/zero', join(folder, 'ringlab-seal.json'));
      },
      /list of its files/,
    ],
    [
      'a FIFO in place of the state that was checked',
      (folder) => {
        rmSync(join(folder, 'ringlab-checked'));
        execFileSync('mkfifo', [join(folder, 'ringlab-checked')]);
      },
      /ringlab-checked is no regular file/,
    ],
    [
      'a link to a file in place of the state that was checked',
      (folder) => {
        renameSync(join(folder, 'ringlab-checked'), join(folder, 'other'));
        symlinkSync('other', join(folder, 'ringlab-checked'));
      },
      /ringlab-checked is no regular file/,
    ],
    [
      'a folder in place of the state that was checked',
      (folder) => {
        rmSync(join(folder, 'ringlab-checked'));
        mkdirSync(join(folder, 'ringlab-checked'));
      },
      /ringlab-checked is no regular file/,
    ],
    [
      'a link without a target in place of the folder',
      (folder) => {
        rmSync(folder, { recursive: true });
        symlinkSync('no/such/disk', folder);
      },
      /a link without a target is in its place/,
    ],
    ['no seal', (folder) => rmSync(join(folder, 'ringlab-seal.json')), /list of its files/],
    ['a zeroed seal', (folder) => writeFileSync(join(folder, 'ringlab-seal.json'), Buffer.alloc(50)), /list/],
  ];
  for (const [kind, damage, words] of kinds) {
    const folder = await sealed(t);
    t.equal(await damageOf(folder), undefined);
    damage(folder);
    t.match(await damageOf(folder), words, kind);
  }
});

t.test('a folder whose checked state is missing is compared by its hashes', async (t) => {
  const folder = await sealed(t);
  rmSync(join(folder, 'ringlab-checked'));
  t.equal(await damageOf(folder), undefined);
});

t.test('hashes are compared once after stat(2) has changed, then no more', async (t) => {
  const folder = await sealed(t);
  const checked = () => readFileSync(join(folder, 'ringlab-checked'), 'utf8');
  const before = checked();
  utimesSync(join(folder, 'root.img'), 1, 1);
  t.equal(await damageOf(folder), undefined);
  t.not(checked(), before, 'the new state is kept');
});

t.test('a damaged folder is made again with a report, a sound one is kept', async (t) => {
  const path = join(t.testdir({}), 'store/key');
  const damages: string[] = [];
  let fills = 0;
  const ensure = () =>
    ensureSealed(
      path,
      async (dir) => {
        fills++;
        writeFileSync(join(dir, 'a'), CONTENT);
      },
      { onDamage: (damage) => damages.push(damage) },
    );
  t.match(await ensure(), { cached: false });
  t.match(await ensure(), { cached: true });
  t.equal(fills, 1);
  truncateSync(join(path, 'a'), 7);
  t.match(await ensure(), { cached: false });
  t.match(damages, [/a is not as it was written/]);
  t.equal(readFileSync(join(path, 'a'), 'utf8'), CONTENT);
  t.match(await ensure(), { cached: true });
  rmSync(path, { recursive: true });
  writeFileSync(path, 'a file in place of the folder');
  t.match(await ensure(), { cached: false });
  t.equal(damages.length, 2);
  t.same(readdirSync(join(path, '..')).sort(), ['key', 'key.lock.d'], 'nothing is left of what was damaged');
});

t.test('two concurrent requests make a damaged folder again once', async (t) => {
  const path = join(t.testdir({}), 'key');
  let fills = 0;
  const fill = async (dir: string) => {
    fills++;
    writeFileSync(join(dir, 'a'), CONTENT);
  };
  await ensureSealed(path, fill);
  chmodSync(join(path, 'a'), 0o600);
  writeFileSync(join(path, 'a'), 'changed');
  const damages: string[] = [];
  const onDamage = (damage: string) => damages.push(damage);
  await Promise.all([ensureSealed(path, fill, { onDamage }), ensureSealed(path, fill, { onDamage })]);
  t.equal(fills, 2);
  t.equal(damages.length, 1);
});

t.test(
  'a link without a target, in a circle too, is replaced by the folder that belongs there',
  async (t) => {
    const dir = t.testdir({});
    for (const [name, target] of [
      ['gone', 'no/such/disk'],
      ['circle', 'circle'],
    ] as const) {
      const path = join(dir, name);
      symlinkSync(target, path);
      const fill = async (folder: string) => writeFileSync(join(folder, 'a'), CONTENT);
      const damages: string[] = [];
      const onDamage = (damage: string) => damages.push(damage);
      t.match(await ensureSealed(path, fill, { onDamage }), { dir: path, cached: false }, name);
      t.same(damages, ['a link without a target is in its place'], `damages that are reported: ${name}`);
      t.equal(readFileSync(join(path, 'a'), 'utf8'), CONTENT);
      t.match(await ensureSealed(path, fill), { cached: true });
    }
    t.same(
      readdirSync(dir).filter((name) => name.endsWith('.tmp')),
      [],
      'temporary folders',
    );
  },
);

t.test('an entry is removed though a killed lab of the same process id left one aside', async (t) => {
  const dir = t.testdir({ key: { a: 'x' }, [`.key.${process.pid}.damaged.tmp`]: { b: 'y' } });
  await discard(join(dir, 'key'));
  t.notOk(readdirSync(dir).includes('key'));
});
