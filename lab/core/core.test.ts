import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { makeFolder, writeJson } from './atomic.ts';
import { ensureFolder, exists } from './cache.ts';
import { errorText, InputError, LabError } from './errors.ts';
import { hashFile, hashOf } from './hash.ts';
import { Resources } from './resource.ts';

t.test('resources are released newest first, also after one that fails, whose error is thrown', async (t) => {
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

t.test('moved resources are released with their new owner only', async (t) => {
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

t.test('the message of an input error has every problem with place, expectation and fix', (t) => {
  const error = new InputError([
    { what: 'bad thing', where: 'a.yaml:3:1', expected: 'good thing', fix: 'write it' },
    { what: 'other thing' },
  ]);
  t.equal(error.message, 'a.yaml:3:1: bad thing\n  expected: good thing\n  fix: write it\nother thing');
  t.equal(error.exitCode, 2);
  t.match(errorText(new LabError('outer', { cause: error })), /outer\n {2}cause: a.yaml/);
  t.end();
});

t.test('the hash of parts depends on where a part ends', async (t) => {
  t.not(hashOf('ab', 'c'), hashOf('a', 'bc'));
  const file = join(t.testdir({ f: 'x' }), 'f');
  t.equal(await hashFile(file), '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881');
});

t.test('a folder whose filling fails leaves nothing behind', async (t) => {
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

t.test('two concurrent calls of ensureFolder fill the folder once, and both return it', async (t) => {
  const dir = join(t.testdir(), 'store/key');
  let fills = 0;
  const fill = async (temp: string) => {
    fills++;
    await mkdir(join(temp, 'in'));
  };
  const results = await Promise.all([ensureFolder(dir, fill), ensureFolder(dir, fill)]);
  t.equal(fills, 1, 'calls of fill');
  t.same(results.map((result) => result.cached).sort(), [false, true]);
  t.ok(await exists(join(dir, 'in')));
});
