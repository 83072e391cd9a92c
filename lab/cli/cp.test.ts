/** Which guest and path the words of `ringlab cp` name. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findGuest, registerGuest, runningGuests, scratchFolder } from '../guest/index.ts';
import { placeOf } from './cp.ts';
import { ringlab } from './testing/ringlab.ts';

const ssh = { port: 1, keyFile: '/k', hostKeyFile: '/h' };
const guests = [
  { id: 'AAAAAA', name: 'debian-6.12/plain', ssh },
  { id: 'BBBBBB', name: 'debian-6.12/zns', ssh },
  { id: 'CCCCCC', name: 'debian-6.12/zns', ssh },
];

t.test('a path is of this machine, or of the guest before its colon', async (t) => {
  const dir = t.testdir({ 'a:b': '' });
  for (const text of ['x', '/a:b', './AAAAAA:x', '../a:b', '.', join(dir, 'a:b')])
    t.same(await placeOf(text, guests), { path: text }, text);
  t.match(await placeOf('AAAAAA:/var/log', guests), { path: '/var/log', guest: { id: 'AAAAAA' } });
  t.match(await placeOf('debian-6.12/plain:', guests), { path: '.', guest: { id: 'AAAAAA' } });
  t.match(await placeOf(':x:y', guests.slice(0, 1)), { path: 'x:y', guest: { id: 'AAAAAA' } });
});

t.test('a guest that does not run or is not the only one is an InputError with those that run', async (t) => {
  t.throws(() => findGuest('', guests), {
    exitCode: 2,
    message: /several guests run\n.*AAAAAA \(debian-6\.12\/plain\), BBBBBB/,
  });
  t.throws(() => findGuest('debian-6.12/zns', guests), {
    message: /several guests run as debian-6\.12\/zns/,
  });
  t.throws(() => findGuest('ZZZZZZ', guests), { message: /no guest ZZZZZZ runs[\s\S]*one of these: AAAAAA/ });
  t.throws(() => findGuest('', []), { message: /no guest runs[\s\S]*ringlab shell/ });
  await t.rejects(placeOf('ZZZZZZ:x', guests), { exitCode: 2, message: /no guest ZZZZZZ runs/ });
});

t.test('a guest is found while the process that registered it has its scratch folder locked', async (t) => {
  const scratch = await scratchFolder('guest');
  const id = await registerGuest(scratch.dir, { name: 'k/g', ssh });
  const find = async () => (await runningGuests()).find((guest) => guest.id === id);
  t.same(await find(), { id, name: 'k/g', ssh });
  writeFileSync(join(scratch.dir, 'guest.json'), '{}');
  t.equal(await find(), undefined, 'a file that is no description');
  writeFileSync(join(scratch.dir, 'guest.json'), '{');
  t.equal(await find(), undefined, 'a file that is no JSON');
  await registerGuest(scratch.dir, { name: 'k/g', ssh });
  spawnSync('chmod', ['755', scratch.dir]);
  t.equal(await find(), undefined, 'a folder that others can enter');
  spawnSync('chmod', ['700', scratch.dir]);
  t.ok(await find());
  await scratch[Symbol.asyncDispose]();
  t.equal(await find(), undefined, 'after its end');
  rmSync(scratch.dir, { recursive: true, force: true });
});

t.test('places that are no copy into or out of one guest end with 2 and say why', async (t) => {
  const wrong: [args: string[], message: RegExp][] = [
    [['a', 'b'], /no copy between this machine and one guest/],
    [['a'], /no copy/],
    [['NOBODY:x', '.'], /no guest NOBODY runs/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await ringlab(['cp', ...args]);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, message);
  }
});
