/** `ringlab report --format html`: links to the files of the record, commands, and earlier runs to compare with. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';
import { planted, plantedFiles } from '../../reports/html/testing/planted.ts';
import type { RunRecord } from '../model/run.ts';
import { recordFolder } from './page.ts';
import { ringlab } from './testing/ringlab.ts';

function writeRun(dir: string, record: RunRecord = planted): string {
  mkdirSync(dir, { recursive: true });
  for (const [file, text] of plantedFiles()) writeFileSync(join(dir, file), text);
  writeFileSync(join(dir, 'run.json'), JSON.stringify(record));
  return dir;
}

const runIn = (t: Test) => writeRun(join(t.testdir(), 'runs/a b'));

t.test('a page beside the record links its files, and has commands that run cells again', async (t) => {
  const dir = runIn(t);
  const out = join(dir, 'report.html');
  const { code, stdout } = await ringlab(['report', dir, '--format', 'html', '--out', out]);
  t.same({ code, stdout }, { code: 1, stdout: '' }, 'the exit code is that of the run');
  const page = readFileSync(out, 'utf8');
  const targets = [...page.matchAll(/href="([^#"][^"]*)"/g)].map(([, target = '']) => target);
  t.ok(targets.length > 20, `links: ${targets.length}`);
  for (const target of new Set(targets)) t.ok(existsSync(join(dir, decodeURIComponent(target))), target);
  const spec = join(relative('.', dir), 'cell-debian-6.12+mpath-multipath-multipath!1.json');
  t.ok(page.includes(`ringlab run --cell '${spec}'`), 'command of the crash');
  t.match(
    page,
    'ok 4 - a command without a path waits until one appears',
    'the last TAP line before the crash',
  );
});

t.test('the folder of a record is relative to the page, and absent for a log of events', async (t) => {
  const dir = runIn(t);
  const folderFor = (pageDir: string) => recordFolder(planted, dir, pageDir);
  t.equal((await folderFor(dir))?.href, '.');
  t.equal((await folderFor(join(dir, '..')))?.href, './a%20b');
  t.equal((await folderFor(join(dir, 'pages')))?.href, '..');
  t.equal((await recordFolder(planted, join(dir, 'run.json'), dir))?.href, '.');
  t.equal(await recordFolder(planted, 'run.ndjson', '.'), undefined);
  const below = await recordFolder(planted, join(process.cwd(), 'runs/a'), '.');
  t.equal(below?.repeat('cell-x.json'), 'ringlab run --cell runs/a/cell-x.json', 'below the working folder');
});

t.test('a TAP file that is a link or is not there has no last line', async (t) => {
  const dir = join(t.testdir(), 'run');
  mkdirSync(dir);
  const tap = 'debian-6.12+mpath-multipath-multipath.tap';
  t.same([...((await recordFolder(planted, dir, dir))?.lastTap ?? [])], []);
  writeFileSync(join(dir, 'other'), 'ok 1 - secret\n');
  symlinkSync('other', join(dir, tap));
  t.same([...((await recordFolder(planted, dir, dir))?.lastTap ?? [])], []);
});

t.test('--against compares with earlier runs: one in every format, up to four on a page', async (t) => {
  const root = t.testdir();
  const later = writeRun(join(root, 'later'), { ...planted, id: 'later' });
  const earlier = ['a', 'b'].map((id) => {
    const cells = planted.cells.filter(({ suite }) => id === 'a' || suite !== 'bench');
    return writeRun(join(root, id), { ...planted, id, cells });
  });
  const report = (...args: string[]) => ringlab(['report', later, ...args]);
  const out = join(root, 'page.html');
  const { stderr } = await report('--format', 'html', '--out', out, '--against', ...earlier);
  t.equal(stderr, '');
  const page = readFileSync(out, 'utf8');
  for (const id of ['a', 'b']) t.match(page, `debian-6.12+mpath against ${id}`);
  t.match(page, `href="./${relative(root, earlier[0] ?? '')}/`, 'links to the files of the earlier run');
  const text = await report('--against', earlier[0] ?? '');
  t.match(text.stdout, /compares a \(debian-6\.12\+mpath\)\n +with later/);
  const refused = await report('--against', ...earlier);
  t.equal(refused.code, 2, 'two runs in text');
  t.match(refused.stderr, 'at most 1 with --format text, 4 with --format html');
});
