/** Scratch folders that labs share a parent with: live, dead, of another user, and planted. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { run, start } from '../core/process.ts';
import { scratchFolder } from './scratch.ts';

const parent = realpathSync(mkdtempSync(join(tmpdir(), 'scratch-')));
t.teardown(() => rmSync(parent, { recursive: true }));
process.env.TMPDIR = parent;

const code = `
  import { scratchFolder } from '${import.meta.dirname}/scratch.ts';
  console.log((await scratchFolder('guest')).dir);
  setInterval(() => {}, 1000);`;

/** Another lab with a scratch folder; `wrap` is a command line that runs it. */
async function otherLab(t: Test, wrap: string[] = []) {
  const [program = '', ...args] = [
    ...wrap,
    process.execPath,
    '--import=tsx',
    '--input-type=module',
    '-e',
    code,
  ];
  const lab = start(program, args);
  t.teardown(() => lab.stop());
  const dir = await new Promise<string>((resolve) =>
    createInterface({ input: lab.stdout }).once('line', resolve),
  );
  return { lab, dir };
}

t.test('a live lab keeps its folder, and a killed one loses it to the next lab', async (t) => {
  const { lab, dir } = await otherLab(t);
  await using mine = await scratchFolder('guest');
  t.ok(existsSync(dir), 'the folder of a live lab');
  process.kill(lab.pid, 'SIGKILL');
  await lab.ended;
  await using _next = await scratchFolder('guest');
  t.notOk(existsSync(dir), 'the folder of a killed lab');
  t.ok(existsSync(mine.dir), 'our folder');
});

const unshare = [
  'unshare',
  '--pid',
  '--fork',
  '--kill-child',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-current-user']),
];
const works = (await run('unshare', [...unshare.slice(1), 'true'], { accept: 'any' })).code === 0;
const skip = works ? false : 'this machine allows no PID namespace';
t.test('a live lab of another PID namespace keeps its folder', { skip }, async (t) => {
  const { dir } = await otherLab(t, unshare);
  await using _mine = await scratchFolder('guest');
  t.ok(existsSync(dir), 'the folder of the other lab');
});

t.test('a planted link is neither followed nor removed', async (t) => {
  const target = join(parent, 'target');
  mkdirSync(target);
  writeFileSync(join(target, 'lock'), 'precious');
  const links = [join(parent, 'ringlab-aaaaaa'), join(parent, 'ringlab-999999-bbbbbb')];
  for (const link of links) symlinkSync(target, link);
  const lockLink = join(parent, 'ringlab-cccccc');
  mkdirSync(lockLink, { mode: 0o700 });
  symlinkSync(join(target, 'lock'), join(lockLink, 'lock'));
  await using _mine = await scratchFolder('guest');
  t.ok(existsSync(join(target, 'lock')), 'the file behind the links');
  for (const link of links) t.ok(lstatSync(link).isSymbolicLink(), 'the link stays');
  t.ok(existsSync(lockLink), 'a folder whose lock is a link stays');
});

t.test('a folder without a lock file is kept, because its lab may be making it', async (t) => {
  const fresh = join(parent, 'ringlab-dddddd');
  mkdirSync(fresh, { mode: 0o700 });
  await using _mine = await scratchFolder('guest');
  t.ok(existsSync(fresh));
});

t.test(
  'a folder of another user stays',
  { skip: process.getuid?.() === 0 ? false : 'only root can make one' },
  async (t) => {
    const foreign = join(parent, 'ringlab-eeeeee');
    mkdirSync(foreign, { mode: 0o700 });
    writeFileSync(join(foreign, 'lock'), '');
    await run('chown', ['-R', '65534:65534', foreign]);
    await using _mine = await scratchFolder('guest');
    t.ok(existsSync(foreign), 'the folder of the other user');
    await run('chown', ['-R', '0:0', foreign]);
    await using _next = await scratchFolder('guest');
    t.notOk(existsSync(foreign), 'the same folder as ours, abandoned');
  },
);
