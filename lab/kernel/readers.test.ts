import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import type { EventBody } from '../model/event.ts';
import { configValues } from './kconfig/dotconfig.ts';
import { explain } from './kconfig/explain.ts';
import { conjuncts, evaluate, parseExpression, show, symbolsOf } from './kconfig/expression.ts';
import { readKconfig } from './kconfig/parse.ts';
import { readLog } from './log.ts';
import { progressReporter } from './progress.ts';
import { enumeratorNames, macroNames } from './uapi/names.ts';
import { findStructs } from './uapi/structs.ts';

const MB = 1 << 20;
/** What linear work on 1 MB takes at most, ms; quadratic work takes minutes. */
const LINEAR_MS = 3000;

/** A text of 1 MB that repeats a part. */
const mega = (part: string, end = '') => part.repeat(Math.ceil(MB / part.length)) + end;

/** CPU time, ms: other processes do not count. */
function timed(work: () => unknown): number {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

/** Shapes at which backtracking or nested scans are quadratic. */
const SHAPES: Record<string, string> = {
  blanks: mega(' ', '!'),
  'one word': mega('a', '!'),
  'one word before a line separator': mega('a', '\u2028'),
  'words without separators': mega('a ', '!'),
  'open braces': mega('{'),
  'open parentheses': mega('('),
  'open brackets': mega('['),
  quotes: mega('"'),
  'escaped quotes': mega('\\"'),
  'enum without a body': mega('enum '),
  'enum with an open body': mega('enum{'),
  'struct in struct': mega('struct a{'),
  attributes: mega('__attribute__((a)) '),
  'open attributes': mega('__attribute__('),
  'not not': mega('!'),
  'and and': mega('A&&'),
  macros: mega('$('),
  'closed macros': mega('$(a()'),
  numbers: mega('1'),
  'hex numbers': mega('0x'),
  'ld prefixes': mega('ld.'),
  slashes: mega('../'),
  colons: mega('a:1:'),
  warnings: mega('a.c:1:1: warning: x\n'),
  errors: mega('a.c:1:1: error: x\n'),
  steps: mega('  CC      a.o\n'),
  defines: mega('#define A 1\n'),
};

for (const [shape, text] of Object.entries(SHAPES))
  t.test(`1 MB of ${shape} is parsed in linear time`, async (t) => {
    const quiet = (work: () => unknown) => () => {
      try {
        work();
      } catch (error) {
        // Only the verdict on nesting is allowed: no RangeError.
        if ((error as { verdict?: string }).verdict !== 'build-failed') throw error;
      }
    };
    const works: Record<string, () => unknown> = {
      structs: quiet(() => findStructs(text)),
      'structs in a struct': quiet(() => findStructs(`struct a { ${text} };`)),
      enumerators: quiet(() => enumeratorNames(text)),
      macros: quiet(() => macroNames(text)),
      'a macro': quiet(() => macroNames(`#define ${text}`)),
      config: () => configValues(text),
      'an option': () => configValues(`CONFIG_${text}`),
      log: () => readLog(text, ['/w/tree', '/w/obj']),
      'a warning': () => readLog(`a.c:1:1: warning: ${text}`, ['/w/tree', '/w/obj']),
      expression: () => {
        const expression = parseExpression(text);
        evaluate(expression, () => 'n');
        conjuncts(expression);
        symbolsOf(expression);
        show(expression);
      },
    };
    for (const [name, work] of Object.entries(works)) t.ok(timed(work) < LINEAR_MS, name);
  });

t.test('headers of many megabytes of punctuation are refused in time', async (t) => {
  const text = mega(';;;;;;;;\n').repeat(15);
  for (const work of [findStructs, enumeratorNames]) {
    const took = timed(() => t.throws(() => work(text), /more than 1500000 tokens/));
    t.ok(took < LINEAR_MS, `duration, ms: ${work.name}`);
  }
});

t.test(
  'a build that prints forged steps and warnings without end gives a bounded number of events',
  async (t) => {
    const events: EventBody[] = [];
    const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
    const report = progressReporter(ctx, 'k', ['/w/tree'], { done: 0 });
    const long = 'n'.repeat(60_000);
    for (let at = 0; at < 60_000; at++) report(at % 2 ? `  CC      ${long}.o` : `a.c:1:1: warning: ${long}`);
    t.equal(events.length, 50_000, 'events');
    t.ok(
      events.every((event) => JSON.stringify(event).length < 1200),
      'characters of each',
    );
  },
);

/** Writes a tree of Kconfig files. */
function treeOf(t: { testdir(): string }, files: Record<string, string>): string {
  const dir = join(t.testdir(), 'tree');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

const REFUSED: Record<string, (dir: string) => void> = {
  'a FIFO': (dir) => execFileSync('mkfifo', [join(dir, 'more')]),
  'a link to /dev/stdin': (dir) => symlinkSync('/dev/stdin', join(dir, 'more')),
  'a link to /dev/zero': (dir) => symlinkSync('/dev/zero', join(dir, 'more')),
  'a link out of the tree': (dir) => symlinkSync('/etc/passwd', join(dir, 'more')),
  'a folder': (dir) => mkdirSync(join(dir, 'more')),
  'a file of 5 MB': (dir) => writeFileSync(join(dir, 'more'), mega('# x\n').repeat(5)),
  'a line of 1 MB': (dir) => writeFileSync(join(dir, 'more'), mega('a ')),
  itself: (dir) => writeFileSync(join(dir, 'more'), 'source "more"\n'),
  'more and more files': (dir) => {
    for (let at = 0; at < 40; at++) writeFileSync(join(dir, `k${at}`), `source "k${at + 1}"\n`.repeat(2));
    writeFileSync(join(dir, 'more'), 'source "k0"\n');
  },
  '1000 menus in each other': (dir) => writeFileSync(join(dir, 'more'), 'menu "x"\n'.repeat(1000)),
};

for (const [what, make] of Object.entries(REFUSED))
  t.test(`a Kconfig that sources ${what} is the fault of the tree`, async (t) => {
    const dir = treeOf(t, { Kconfig: 'source "more"\n' });
    make(dir);
    const began = performance.now();
    await t.rejects(readKconfig(dir, 'toy'), {
      ...{ verdict: 'build-failed', exitCode: 1, message: /^the Kconfig of the tree cannot be read: / },
    });
    t.ok(performance.now() - began < 10_000);
  });

t.test('a path out of the tree is refused, and a link inside of it is followed', async (t) => {
  const dir = treeOf(t, { Kconfig: 'source "link"\n', real: 'config A\n\tbool "a"\n' });
  symlinkSync('real', join(dir, 'link'));
  t.match(await readKconfig(dir, 'toy'), [{ symbol: 'A' }]);
  writeFileSync(join(dir, 'Kconfig'), 'source "../../../../../../../etc/passwd"\n');
  await t.rejects(readKconfig(dir, 'toy'), { message: /outside of the tree/ });
});

t.test('dependencies nested too deeply count as met, and a reason has a bounded length', async (t) => {
  const deep = `${'('.repeat(5000)}A${')'.repeat(5000)}`;
  const many = Array.from({ length: 1500 }, (_, at) => `B${at}`).join(' && ');
  const dir = treeOf(t, {
    Kconfig: `config X\n\tbool "x"\n\tdepends on ${deep}\nconfig Y\n\tbool "y"\n\tdepends on ${many}\n`,
  });
  const all = await readKconfig(dir, 'toy');
  const why = (symbol: string) => explain({ symbol, value: 'y', where: 'f:1' }, all, new Map()).what;
  t.match(why('X'), /its dependencies are met/);
  t.match(why('Y'), /unmet dependency: B0 \(B0=n\)/);
  t.ok(why('Y').length < 2100);
});

const kconfigOf = (definitions: number, symbol: string, scopes = 250) =>
  `${Array.from({ length: scopes }, (_, at) => `if GUARD_${at}\n`).join('')}${`config ${symbol}\n\tbool "x"\n`.repeat(definitions)}`;

t.test(
  'an option that is defined thousands of times inside of hundreds of conditions is explained in time',
  async (t) => {
    const dir = treeOf(t, { Kconfig: kconfigOf(5000, 'TWICE') });
    const began = performance.now();
    const all = await readKconfig(dir, 'toy');
    const why = explain({ symbol: 'TWICE', value: 'y', where: 'f:1' }, all, new Map());
    t.ok(performance.now() - began < LINEAR_MS, 'duration, ms');
    t.match(why.what, /unmet dependency: GUARD_0 \(GUARD_0=n\), GUARD_1 /);
    t.match(why.fix, /and 4995 more/);
  },
);

t.test(
  'more options, selections or conditions than a reader can take are the fault of the tree',
  async (t) => {
    const texts: Record<string, [string, RegExp]> = {
      'characters of conditions': [
        `${Array.from({ length: 100 }, (_, at) => `if ${'LONG_'.repeat(200)}${at}\n`).join('')}`,
        /65536 characters/,
      ],
      options: [kconfigOf(51_000, 'MANY', 5), /more than 50000 options/],
      selections: [`config A\n\tbool "x"\n${'\tselect B\n'.repeat(101_000)}`, /more than 100000 selections/],
      'conditions of an option': [
        `config A\n\tbool "x"\n${'\tdepends on B\n'.repeat(1100)}`,
        /more than 1000 conditions/,
      ],
      'conditions of a menu': [`menu "x"\n${'\tdepends on B\n'.repeat(1100)}`, /more than 1000 conditions/],
      'conditions of menus in each other': [
        `menu "x"\n${'\tdepends on B\n'.repeat(600)}menu "y"\n${'\tdepends on B\n'.repeat(300)}config A\n${'\tdepends on B\n'.repeat(200)}`,
        /more than 1000 conditions/,
      ],
    };
    for (const [what, [text, message]] of Object.entries(texts)) {
      const dir = treeOf(t, { Kconfig: text });
      const began = performance.now();
      const before = process.memoryUsage().rss;
      await t.rejects(
        readKconfig(dir, 'toy'),
        { ...{ verdict: 'build-failed', exitCode: 1, message } },
        what,
      );
      t.ok(performance.now() - began < LINEAR_MS, `duration, ms: ${what}`);
      t.ok(process.memoryUsage().rss - before < 200 << 20, `memory: ${what}`);
    }
  },
);

t.test('long conditions around many definitions of one option are parsed once', async (t) => {
  const long = Array.from({ length: 50 }, (_, at) => `C${at}`).join(' || ');
  const scopes = `if ${long} || D\n`.repeat(150);
  const dir = treeOf(t, { Kconfig: `${scopes}${'config A\n\tbool "x"\n'.repeat(200)}` });
  const all = await readKconfig(dir, 'toy');
  const why = (values: Map<string, string>) =>
    explain({ symbol: 'A', value: 'y', where: 'f:1' }, all, values);
  t.ok(timed(() => why(new Map())) < LINEAR_MS, 'duration of unmet conditions, ms');
  const limited = new Map([
    ['A', 'm'],
    ['D', 'm'],
  ]);
  t.ok(timed(() => why(limited)) < LINEAR_MS, 'duration of limits, ms');
  t.match(why(limited).what, /limited to m by \(C0 /);
});

t.test('a Kconfig is read until the signal fires', async (t) => {
  const dir = treeOf(t, { Kconfig: 'config A\n' });
  await t.rejects(readKconfig(dir, 'toy', AbortSignal.abort(new Error('read no more'))), {
    message: 'read no more',
  });
});
