import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import { UNSAFE } from '../model/visible.ts';
import { ESC } from './escape.ts';
import { Renderer } from './render.ts';
import { Terminal } from './terminal.ts';
import { inTests } from './testing/events.ts';
import { ringlab as command } from './testing/ringlab.ts';
import { FakeScreen } from './testing/screen.ts';

/** A title change, a screen clear, C1 controls, a carriage return and a right-to-left override. */
const HOSTILE = '\u001b]0;owned\u0007\u001b[2J\u009b31mred\u0090\r\u202eevil\u2066';
const VISIBLE = '\\x1b]0;owned\\x07\\x1b[2J\\x9b31mred\\x90\\x0d\\u202eevil\\u2066';

function terminal(isTTY = false) {
  const out = Object.assign(new PassThrough(), { isTTY, columns: 60 });
  return {
    terminal: new Terminal(out as unknown as NodeJS.WriteStream),
    text: () => String(out.read() ?? ''),
  };
}

t.test('no file of lab/cli but terminal.ts writes to a stream itself', async (t) => {
  const dir = join(projectRoot, 'lab/cli');
  const files = [
    ...(await readdir(dir)),
    ...(await readdir(join(dir, 'live'))).map((name) => `live/${name}`),
  ];
  const sources = files.filter((name) => /^(?!terminal)(live\/)?[\w-]+\.ts$/.test(name));
  t.ok(sources.length > 30, 'number of files');
  for (const name of sources) {
    const text = await readFile(join(dir, name), 'utf8');
    t.notMatch(text, /process\s*\.\s*std(?:out|err)|\bconsole\s*\.|from 'node:(?:tty|console)'/, name);
  }
});

t.test('text from outside is written visibly, and only our own colours become escape sequences', (t) => {
  const { terminal: out, text } = terminal(true);
  out.write(`${ESC}[31m${HOSTILE}${ESC}[39m\n\tend`);
  t.equal(text(), `\u001b[31m${VISIBLE}\u001b[39m\n\tend`);
  t.end();
});

t.test('data for a program stays as it is, but not on a terminal', (t) => {
  const bytes = Buffer.from(`${HOSTILE}ä`);
  const pipe = terminal();
  pipe.terminal.data(bytes);
  t.equal(pipe.text(), bytes.toString());
  const screen = terminal(true);
  // The last character and a C1 control are each cut in two.
  for (const byte of bytes) screen.terminal.data(Uint8Array.of(byte));
  t.equal(screen.text(), `${VISIBLE}ä`);
  t.end();
});

/** Lets a renderer word every event that has text from outside. */
function takeHostile(out: Terminal): Renderer {
  const renderer = new Renderer(out, { verbose: true, env: {} });
  const name = `a\n${HOSTILE}`;
  const test = { name, verdict: 'fail' as const, reason: HOSTILE };
  renderer.take({ type: 'source.start', source: name, action: 'read', from: name, at: 0 });
  const applied = { base: name, series: name, patch: name, done: 0, total: 2 };
  renderer.take({ type: 'series.progress', ...applied, at: 0 });
  renderer.take({ type: 'kernel.start', kernel: name, compiler: name, at: 0 });
  renderer.take({ type: 'kernel.progress', kernel: name, target: name, done: 1, total: 2, at: 0 });
  renderer.take({ type: 'kernel.output', kernel: name, line: name, at: 0 });
  const cell = `${name}/plain/s`;
  for (const event of inTests(cell, [name, name])) renderer.take({ ...event, at: 0 });
  renderer.take({ type: 'test.end', cell, test, at: 0 });
  const note = { code: 'series.unreadable' as const, subject: name, message: name };
  renderer.take({ type: 'note', note, at: 0 });
  return renderer;
}

t.test('every event that has text from outside is worded without control characters', async (t) => {
  const pipe = terminal();
  takeHostile(pipe.terminal).finish();
  // It throws at any escape sequence that is not of the view.
  const screen = new FakeScreen(60, 30);
  const renderer = takeHostile(new Terminal(screen as unknown as NodeJS.WriteStream));
  const shown = await screen.until(/^ {2}1\/2: 1 failed/m);
  renderer.finish();
  for (const text of [pipe.text(), shown]) {
    t.match(text, 'evil', 'text that was written');
    t.same(text.match(UNSAFE), null, 'unsafe characters');
    t.notMatch(text, /^\\x1b/m, 'no line begins with text from outside');
  }
});

t.test(
  'the command shows patches, authors, file names and arguments without control characters',
  async (t) => {
    const dir = t.testdir({ cache: {}, [`${HOSTILE}.patch`]: 'no patch' });
    const encoded = Buffer.from(`Eve ${HOSTILE}\nid 0123: imported`).toString('base64');
    const diff = 'diff --git a/mm/a.c b/mm/a.c\n--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1 +1 @@\n-a\n+b\n';
    const mail = (subject: string, body: string) =>
      `From: =?UTF-8?B?${encoded}?= <eve@lamp.example>\nSubject: ${subject}\nDate: Tue, 1 Jul 2025 10:00:00 +0000\n\n${body}`;
    const title = `[PATCH] mm: =?UTF-8?B?${Buffer.from(HOSTILE).toString('base64')}?=`;
    await writeFile(join(dir, 'good'), mail(title, `Text.\n---\n${diff}`));
    await writeFile(join(dir, 'cut'), mail(title, `---\n${diff.replace('+b', HOSTILE)}`));
    await writeFile(join(dir, 'odd'), mail(title, `---\n${diff.replaceAll('a.c', `a${HOSTILE}.c`)}`));
    const env = { RINGLAB_CACHE: join(dir, 'cache'), NO_COLOR: '1' };
    const run = (args: string[]) => command(args, { env, cwd: dir });
    const imported = await run(['series', 'import', 'good', '--name', 'good']);
    const lines: [string[], number][] = [
      [['series', 'import', 'good', '--name', 'again', '--json'], 0],
      [['series', 'show', 'good'], 0],
      [['series', 'list'], 0],
      [['series', 'import', 'cut'], 2],
      [['series', 'import', 'odd'], 2],
      [['series', 'import', `${HOSTILE}.patch`], 2],
      [['series', 'import', HOSTILE], 2],
      [['series', `--${HOSTILE}`], 2],
      [[HOSTILE], 2],
      [['run', '--kernel', HOSTILE, '--guest', HOSTILE, '--suite', HOSTILE], 2],
      [['report', HOSTILE], 2],
      [['compare', HOSTILE, HOSTILE], 2],
    ];
    const results = await Promise.all(lines.map(([args]) => run(args)));
    for (const [index, result] of [imported, ...results].entries()) {
      const [args, code] = lines[index - 1] ?? [['series', 'import'], 0];
      const label = JSON.stringify(args);
      t.equal(result.code, code, `exit code of ${label}: ${result.stderr}`);
      for (const text of [result.stdout, result.stderr]) {
        t.same(text.match(UNSAFE), null, `unsafe characters of ${label}`);
        t.notMatch(text, /^id 0123/m, `a line of the author's name in ${label}`);
      }
    }
  },
);
