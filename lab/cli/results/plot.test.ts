import t from 'tap';
import { plot } from './plot.ts';

t.test('values are dots between the largest and the smallest, with a mark below a change', (t) => {
  const lines = plot([1, 1, 1, 1, 3, 3, 3, 3], [4]);
  t.equal(lines[0], '3 ┤⠀⠀⠉⠉', 'upper line');
  t.equal(lines[7], '1 ┤⣀⣀', 'lower line');
  t.equal(lines[8], '     ^', 'mark below the fifth value');
  t.equal(lines.length, 9, 'lines');
  t.end();
});

t.test('no value gives no line, equal values one line of dots, many values no more than the width', (t) => {
  t.same(plot([], []), []);
  t.same(plot([5, 5, 5], []).filter((line) => /[\u2801-\u28ff]/.test(line)).length, 1, 'lines with dots');
  const wide = plot(
    Array.from({ length: 1000 }, (_, index) => index),
    [999],
    40,
  );
  t.ok(
    wide.every((line) => line.length <= 40),
    'columns',
  );
  t.equal(wide.at(-1)?.length, 40, 'place of the mark of the last value');
  t.end();
});
