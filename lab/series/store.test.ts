import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EventBody } from '../model/event.ts';
import { bodyOf, mail } from './fixtures/make.ts';
import {
  findSeries,
  importSeries,
  isOwnStack,
  listSeries,
  removeSeries,
  resolveStack,
  saveSeries,
  withNeeds,
  writeMbox,
} from './index.ts';

const INFO = 'title: Own lamps\nbase: debian-6.12\nsuites: [lamp]\nguests: [plain]\n';

/** An empty cache, a folder of the project's series, and one mbox. */
async function fixture(t: Test) {
  const dir = t.testdir();
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  const ownDir = join(dir, 'own');
  const addOwn = async (name: string, more = '') => {
    await mkdir(join(ownDir, name), { recursive: true });
    await writeFile(join(ownDir, name, 'series.yaml'), INFO + more);
    const text = mail(`[PATCH] ring: ${name}`, bodyOf({ number: 1, total: 1, word: name }));
    await writeFile(join(ownDir, name, '0001-lamp.patch'), text);
  };
  const mbox = join(dir, 'posted.mbox');
  await writeFile(mbox, mail('[PATCH] ring: posted', bodyOf({ number: 1, total: 1 })));
  const events: EventBody[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  return { ownDir, addOwn, mbox, ctx, events };
}

t.test('a name is looked up in the project, then among imported series, then as a path', async (t) => {
  const { ownDir, addOwn, mbox, ctx } = await fixture(t);
  await addOwn('lamps', 'objections: [{ by: Bob, said: too dim, answer: brighter }]\n');
  const file = await saveSeries(await importSeries(mbox, { name: 'posted' }, ctx));
  t.match(JSON.parse(await readFile(file, 'utf8')), { name: 'posted', patches: [{}] });
  const lamps = await findSeries('lamps', ctx, ownDir);
  t.match(lamps, { series: { name: 'lamps', title: 'Own lamps' }, info: { objections: [{ by: 'Bob' }] } });
  t.match(await findSeries('posted', ctx, ownDir), { series: { name: 'posted' } });
  t.match(await findSeries(mbox, ctx, ownDir), { series: { name: 'ring-posted' } });
  t.match(await listSeries(ctx, ownDir), [
    { name: 'lamps', from: 'own', patches: 1 },
    { name: 'posted', from: 'imported', patches: 1 },
  ]);
  await saveSeries(await importSeries(mbox, { name: 'lamps' }, ctx));
  t.match(
    (await findSeries('lamps', ctx, ownDir)).series.title,
    'Own lamps',
    'the project comes before the cache',
  );
});

t.test('an unknown name is an InputError with similar names', async (t) => {
  const { ownDir, addOwn, ctx } = await fixture(t);
  await addOwn('nvme-lamps');
  await t.rejects(findSeries('nvme-lamp', ctx, ownDir), {
    message: /no series "nvme-lamp"[\s\S]*perhaps nvme-lamps/,
    exitCode: 2,
  });
  await t.rejects(findSeries('../../etc/passwd-not-there', ctx, ownDir), /there is no series/);
});

t.test('a stack has the needed series first, and a circle is an InputError', async (t) => {
  const { ownDir, addOwn, ctx } = await fixture(t);
  await addOwn('lamps');
  await addOwn('dimmer', 'needs: lamps\n');
  await addOwn('egg', 'needs: hen\n');
  await addOwn('hen', 'needs: egg\n');
  t.same(
    (await resolveStack('dimmer', ctx, ownDir)).map(({ series }) => series.name),
    ['lamps', 'dimmer'],
  );
  await t.rejects(resolveStack('hen', ctx, ownDir), /circle: hen -> egg -> hen/);
});

t.test('a stack is the project’s own by its content, not by its name', async (t) => {
  const { ownDir, addOwn, mbox, ctx } = await fixture(t);
  await addOwn('lamps');
  const { series } = await findSeries('lamps', ctx, ownDir);
  const isOwn = (...stack: (typeof series)[]) => isOwnStack(stack, ctx, ownDir);
  await writeFile(mbox, writeMbox(series));
  t.ok(await isOwn(await importSeries(mbox, { name: 'of-others' }, ctx)), 'its content under another name');
  t.notOk(await isOwn({ ...series, id: 'f00' }), 'another content under its name');
  t.notOk(await isOwn(series, { ...series, id: 'f00' }), 'another series on top');
  t.notOk(await isOwn(), 'no series');
});

t.test('an imported series can need another by name, but not by path or in a circle', async (t) => {
  const { ownDir, addOwn, mbox, ctx } = await fixture(t);
  await addOwn('lamps');
  await addOwn('dimmer', 'needs: lamps\n');
  await writeFile(mbox, writeMbox((await findSeries('lamps', ctx, ownDir)).series));
  const read = await importSeries(mbox, { name: 'bulbs' }, ctx);
  await saveSeries(await withNeeds(read, 'dimmer', ctx, ownDir));
  t.same(
    (await resolveStack('bulbs', ctx, ownDir)).map(({ series }) => series.name),
    ['lamps', 'dimmer', 'bulbs'],
  );
  await t.rejects(withNeeds(read, 'dimer', ctx, ownDir), /no series "dimer"[\s\S]*perhaps dimmer/);
  await t.rejects(withNeeds(read, ownDir, ctx, ownDir), /--needs[\s\S]*is not a name/);
  await t.rejects(withNeeds({ ...read, name: 'lamps' }, 'dimmer', ctx, ownDir), /dimmer needs lamps itself/);
});

t.test(
  'a malformed series.yaml is an InputError with its line, and is left out of the list with a note',
  async (t) => {
    const { ownDir, addOwn, ctx, events } = await fixture(t);
    await addOwn('lamps');
    await addOwn('wrong', 'colour: red\nneeds: 3\n');
    await t.rejects(
      findSeries('wrong', ctx, ownDir),
      /series\.yaml:6:\d+: needs[\s\S]*colour|colour[\s\S]*needs/,
    );
    t.same(
      (await listSeries(ctx, ownDir)).map(({ name }) => name),
      ['lamps'],
    );
    t.match(events, [
      {
        type: 'note',
        note: { code: 'series.unreadable', subject: 'wrong', message: /series\.yaml/ },
      },
    ]);
    t.equal(events.length, 1);
  },
);

t.test('importing the mbox written from a series gives the same series', async (t) => {
  const { ownDir, addOwn, mbox, ctx } = await fixture(t);
  await addOwn('lamps');
  const { series } = await findSeries('lamps', ctx, ownDir);
  await writeFile(mbox, writeMbox(series));
  const again = await importSeries(mbox, { name: 'lamps' }, ctx);
  t.equal(again.id, series.id);
  t.same(
    again.patches.map(({ date }) => date),
    series.patches.map(({ date }) => date),
  );
});

t.test('a damaged imported series is a fault of the lab that says how to import it again', async (t) => {
  const { ownDir, mbox, ctx, events } = await fixture(t);
  const file = await saveSeries(await importSeries(mbox, { name: 'posted' }, ctx));
  const sound = await readFile(file, 'utf8');
  const damages = [
    '',
    '\0'.repeat(500),
    sound.slice(0, -300),
    '{}',
    '[',
    sound.replace(/(\+[^"]*)lamp/, '$1lump'),
  ];
  for (const text of damages) {
    t.not(text, sound);
    await writeFile(file, text);
    await t.rejects(findSeries('posted', ctx, ownDir), {
      ...{ exitCode: 3, message: /posted\.json[\s\S]*fix: import it again: ringlab series import/ },
    });
    events.length = 0;
    t.same(await listSeries(ctx, ownDir), []);
    t.match(events, [{ note: { code: 'series.unreadable', subject: 'posted' } }]);
  }
  await writeFile(file, sound);
  t.match(await findSeries('posted', ctx, ownDir), { series: { name: 'posted' } });
});

t.test('imported series are removed, also damaged ones, but none that another series needs', async (t) => {
  const { ownDir, addOwn, mbox, ctx } = await fixture(t);
  await addOwn('lamps');
  const save = async (name: string, needs?: string) => {
    const series = await importSeries(mbox, { name }, ctx);
    return saveSeries(needs ? await withNeeds(series, needs, ctx, ownDir) : series);
  };
  const names = async () => (await listSeries(ctx, ownDir)).map(({ name }) => name);
  await save('below');
  await save('above', 'below');
  const damaged = await save('damaged');
  await writeFile(damaged, 'no series');
  const wrong: [names: string[], message: RegExp][] = [
    [['lamps'], /lamps is part of ringlab/],
    [['bellow', 'lamps'], /no imported series "bellow"\n.*perhaps below[\s\S]*part of ringlab/],
    [['below', 'damaged'], /above needs below\n.*fix: remove both: ringlab series remove below above/],
    [['../x'], /no imported series/],
  ];
  for (const [which, message] of wrong)
    await t.rejects(removeSeries(which, ctx, ownDir), { exitCode: 2, message }, which.join());
  t.same(await names(), ['lamps', 'above', 'below'], 'after what was refused');
  t.same(await removeSeries(['damaged', 'damaged'], ctx, ownDir), ['damaged']);
  t.same(await removeSeries(['below', 'above'], ctx, ownDir), ['below', 'above']);
  t.same(await names(), ['lamps']);
});
