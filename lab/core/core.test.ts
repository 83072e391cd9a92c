import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { makeFolder, writeJson } from './atomic.ts';
import { ensureFolder, exists, lock } from './cache.ts';
import { errorText, InputError, LabError } from './errors.ts';
import { hashFile, hashOf } from './hash.ts';
import { Resources } from './resource.ts';

t.test('resources are released newest first, and a failing one stops nothing', async (t) => {
  const order: number[] = [];
  const stack = new Resources();
  stack.defer(() => order.push(1));
  stack.defer(() => {
    throw new Error('two');
  });
  stack.defer(() => order.push(3));
  await t.rejects(stack[Symbol.asyncDispose](), /two/);
  t.same(order, [3, 1]);
});

t.test('moved resources stay open', async (t) => {
  let open = true;
  const make = async () => {
    await using stack = new Resources();
    stack.defer(() => {
      open = false;
    });
    return stack.move();
  };
  const kept = await make();
  t.ok(open);
  await kept[Symbol.asyncDispose]();
  t.notOk(open);
});

t.test('an input error tells every problem and how to fix it', (t) => {
  const error = new InputError([
    { what: 'bad thing', where: 'a.yaml:3:1', expected: 'good thing', fix: 'write it' },
    { what: 'other thing' },
  ]);
  t.equal(error.message, 'a.yaml:3:1: bad thing\n  expected: good thing\n  fix: write it\nother thing');
  t.equal(error.exitCode, 2);
  t.match(errorText(new LabError('outer', { cause: error })), /outer\n {2}cause: a.yaml/);
  t.end();
});

t.test('hashes keep their parts apart', async (t) => {
  t.not(hashOf('ab', 'c'), hashOf('a', 'bc'));
  const file = join(t.testdir({ f: 'x' }), 'f');
  t.equal(await hashFile(file), '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
});

t.test('a folder is made whole or not at all', async (t) => {
  const dir = t.testdir();
  await t.rejects(
    makeFolder(join(dir, 'x'), async (temp) => {
      await writeFile(join(temp, 'half'), '');
      throw new Error('stop');
    }),
    /stop/,
  );
  t.same(await readdir(dir), []);
  await writeJson(join(dir, 'y/z.json'), { a: 1 });
  t.equal(await readFile(join(dir, 'y/z.json'), 'utf8'), '{\n  "a": 1\n}\n');
});

t.test('two makers of one folder: one works, both get it', async (t) => {
  const dir = join(t.testdir(), 'store/key');
  let made = 0;
  const fill = async (temp: string) => {
    made++;
    await mkdir(join(temp, 'in'));
  };
  const both = await Promise.all([ensureFolder(dir, fill), ensureFolder(dir, fill)]);
  t.equal(made, 1);
  t.same(both.map((result) => result.cached).sort(), [false, true]);
  t.ok(await exists(join(dir, 'in')));
});

t.test('waiting for a lock can be aborted', async (t) => {
  const dir = t.testdir();
  await using _held = await lock(dir);
  const abort = new AbortController();
  const waiting = lock(dir, abort.signal, () => abort.abort(new Error('no more')));
  await t.rejects(waiting, /no more/);
});
