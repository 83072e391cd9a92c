import t from 'tap';
import { Screen, Terminal } from '../terminal.ts';
import { FakeScreen } from '../testing/screen.ts';
import { LiveArea } from './area.ts';

async function open(columns = 20, rows = 6) {
  const shown = new FakeScreen(columns, rows);
  const screen = new Screen();
  const stream = shown as unknown as NodeJS.WriteStream;
  const [out, err] = [new Terminal(stream, screen), new Terminal(stream, screen)];
  return { shown, out, err, area: await err.openArea() };
}

t.test('lines are drawn in place, and texts of both streams go above them', async (t) => {
  const { shown, out, err, area } = await open();
  area.draw(['one', 'two']);
  area.draw(['one', 'three', 'four']);
  t.equal(shown.text, 'one\nthree\nfour');
  err.write('error\n');
  t.equal(shown.text, 'error', 'the lines are away until they are drawn again');
  area.draw(['five']);
  out.write('result\n');
  area.draw(['six', 'seven']);
  t.equal(shown.text, 'error\nresult\nsix\nseven');
  area.draw([]);
  t.equal(shown.text, 'error\nresult');
  t.ok(shown.isClean, 'modes and cursor');
});

t.test('at the bottom of the terminal the text scrolls and nothing is lost', async (t) => {
  const { shown, err, area } = await open(20, 4);
  for (let i = 0; i < 20; i++) {
    area.draw([`first ${i}`, `second ${i}`, 'third'].slice(0, 1 + (i % 3)));
    err.write(`line ${i}\n`);
  }
  area.clear();
  t.same(
    shown.text.split('\n'),
    Array.from({ length: 20 }, (_, i) => `line ${i}`),
  );
});

t.test('a narrower terminal breaks the lines, and they go as a whole', async (t) => {
  const { shown, err, area } = await open(40, 12);
  err.write('stays\n');
  area.draw(['x'.repeat(39), 'y'.repeat(39), 'short']);
  shown.resize(16);
  area.draw(['x'.repeat(15), 'end']);
  t.equal(shown.text, `stays\n${'x'.repeat(15)}\nend`);
  shown.resize(10);
  err.write('more\n');
  t.equal(shown.text, 'stays\nmore');
  shown.resize(60);
  area.draw(['wide']);
  t.equal(shown.text, 'stays\nmore\nwide');
});

t.test('a line that the terminal finds too wide is cut, and text after it wraps as before', (t) => {
  // Programs and terminals may differ about the width of a character: this one takes two columns less.
  const shown = new FakeScreen(8, 6);
  const area = new LiveArea({ write: (text) => void shown.write(text), columns: 10, rows: 6 });
  area.draw(['123456789', 'two']);
  t.equal(shown.text, '12345678\ntwo');
  area.draw(['abcdefghi', 'three']);
  t.equal(shown.text, 'abcdefgh\nthree');
  area.clear();
  shown.write('abcdefghijkl\n');
  t.equal(shown.text, 'abcdefgh\nijkl');
  t.ok(shown.isClean);
  t.end();
});

t.test('after lines that were left where they are, new ones begin below', async (t) => {
  const { shown, area } = await open();
  area.draw(['one']);
  area.leave();
  area.draw(['two']);
  area.clear();
  t.equal(shown.text, 'one');
});

t.test('unsafe characters of a line are visible', async (t) => {
  const { shown, area } = await open(60);
  area.draw(['a\u001b[2Jb\u202e']);
  t.equal(shown.text, 'a\\x1b[2Jb\\u202e');
});
