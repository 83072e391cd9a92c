import { PassThrough } from 'node:stream';
import t from 'tap';
import { clean } from './clean.ts';
import { columns } from './output.ts';
import { Renderer } from './render.ts';

function plain(verbose = false) {
  const out = new PassThrough();
  const renderer = new Renderer(out as unknown as NodeJS.WriteStream, { verbose });
  return { renderer, text: () => String(out.read() ?? '') };
}

t.test('text from outside cannot steer the terminal', (t) => {
  t.equal(clean('a\u001b[2Jb\rc\u009bd\n\te'), 'a\\x1b[2Jb\\x0dc\\x9bd\n\te');
  t.end();
});

t.test('columns line up and the last one is not padded', (t) => {
  t.equal(
    columns([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
    'a    bb\nccc  d',
  );
  t.end();
});

t.test('plain mode says ends and notes, and progress in steps', (t) => {
  const { renderer, text } = plain();
  renderer.emit({ stage: 'kernel', subject: 'k', kind: 'start' });
  for (let done = 1; done <= 100; done++) {
    renderer.emit({ stage: 'kernel', subject: 'k', kind: 'progress', done, total: 100 });
  }
  renderer.emit({ stage: 'kernel', subject: 'k', kind: 'line', text: 'hidden' });
  renderer.emit({ stage: 'kernel', subject: 'k', kind: 'note', text: 'shown' });
  renderer.emit({ stage: 'kernel', subject: 'k', kind: 'end', text: 'built' });
  const lines = text().trim().split('\n');
  t.equal(lines.filter((line) => /%/.test(line)).length, 10);
  t.match(lines[0], /^kernel k: 10% \(10\/100\) \d/);
  t.notOk(lines.some((line) => /hidden/.test(line)));
  t.match(lines.at(-2), /shown/);
  t.match(lines.at(-1), /^kernel k: built \(\d+[.]\d s\)$/);
  t.end();
});

t.test('verbose mode shows every line', (t) => {
  const { renderer, text } = plain(true);
  renderer.emit({ stage: 'suite', subject: 'c', kind: 'line', text: 'pass x' });
  t.match(text(), /suite c: pass x/);
  t.end();
});
