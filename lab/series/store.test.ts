import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { LabEvent } from '../model/event.ts';
import { bodyOf, mail } from './fixtures/make.ts';
import {
  findSeries,
  importSeries,
  listSeries,
  needing,
  resolveStack,
  saveSeries,
  writeMbox,
} from './index.ts';

const INFO = 'title: Own lamps\nbase: debian-6.12\nsuites: [lamp]\nguests: [plain]\n';

/** A cache of the test's own, a folder of own series, and one mbox. */
async function house(t: Test) {
  const dir = t.testdir();
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  const own = join(dir, 'own');
  const carry = async (name: string, more = '') => {
    await mkdir(join(own, name), { recursive: true });
    await writeFile(join(own, name, 'series.yaml'), INFO + more);
    const text = mail(`[PATCH] ring: ${name}`, bodyOf({ number: 1, total: 1, word: name }));
    await writeFile(join(own, name, '0001-lamp.patch'), text);
  };
  const mbox = join(dir, 'posted.mbox');
  await writeFile(mbox, mail('[PATCH] ring: posted', bodyOf({ number: 1, total: 1 })));
  const events: LabEvent[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: LabEvent) => void events.push(event) };
  return { own, carry, mbox, ctx, events };
}

t.test('own series, imported series, paths: in this order', async (t) => {
  const { own, carry, mbox, ctx } = await house(t);
  await carry('lamps', 'objections: [{ by: Bob, said: too dim, answer: brighter }]\n');
  const file = await saveSeries(await importSeries(mbox, { name: 'posted' }, ctx));
  t.match(JSON.parse(await readFile(file, 'utf8')), { name: 'posted', patches: [{}] });
  const found = await findSeries('lamps', ctx, own);
  t.match(found, { series: { name: 'lamps', title: 'Own lamps' }, info: { objections: [{ by: 'Bob' }] } });
  t.match(await findSeries('posted', ctx, own), { series: { name: 'posted' } });
  t.match(await findSeries(mbox, ctx, own), { series: { name: 'ring-posted' } });
  t.match(await listSeries(ctx, own), [
    { name: 'lamps', from: 'own', patches: 1 },
    { name: 'posted', from: 'imported', patches: 1 },
  ]);
  await saveSeries(await importSeries(mbox, { name: 'lamps' }, ctx));
  t.match(
    (await findSeries('lamps', ctx, own)).series.title,
    'Own lamps',
    'ours goes before an imported one',
  );
});

t.test('an unknown name lists those like it', async (t) => {
  const { own, carry, ctx } = await house(t);
  await carry('nvme-lamps');
  await t.rejects(findSeries('nvme-lamp', ctx, own), {
    message: /no series "nvme-lamp"[\s\S]*perhaps nvme-lamps/,
    exitCode: 2,
  });
  await t.rejects(findSeries('../../etc/passwd-not-there', ctx, own), /there is no series/);
});

t.test('what a series needs comes before it', async (t) => {
  const { own, carry, ctx } = await house(t);
  await carry('lamps');
  await carry('dimmer', 'needs: lamps\n');
  await carry('egg', 'needs: hen\n');
  await carry('hen', 'needs: egg\n');
  t.same(
    (await resolveStack('dimmer', ctx, own)).map(({ series }) => series.name),
    ['lamps', 'dimmer'],
  );
  await t.rejects(resolveStack('hen', ctx, own), /circle: hen -> egg -> hen/);
});

t.test('an imported series can need another, by its name', async (t) => {
  const { own, carry, mbox, ctx } = await house(t);
  await carry('lamps');
  await carry('dimmer', 'needs: lamps\n');
  await writeFile(mbox, writeMbox((await findSeries('lamps', ctx, own)).series));
  const read = await importSeries(mbox, { name: 'bulbs' }, ctx);
  await saveSeries(await needing(read, 'dimmer', ctx, own));
  t.same(
    (await resolveStack('bulbs', ctx, own)).map(({ series }) => series.name),
    ['lamps', 'dimmer', 'bulbs'],
  );
  await t.rejects(needing(read, 'dimer', ctx, own), /no series "dimer"[\s\S]*perhaps dimmer/);
  await t.rejects(needing(read, own, ctx, own), /--needs[\s\S]*is not a name/);
  await t.rejects(needing({ ...read, name: 'lamps' }, 'dimmer', ctx, own), /dimmer needs lamps itself/);
});

t.test('a flawed series.yaml is told with its place, and does not hide the others', async (t) => {
  const { own, carry, ctx, events } = await house(t);
  await carry('lamps');
  await carry('wrong', 'colour: red\nneeds: 3\n');
  await t.rejects(findSeries('wrong', ctx, own), /series\.yaml:6:\d+: needs[\s\S]*colour|colour[\s\S]*needs/);
  t.same(
    (await listSeries(ctx, own)).map(({ name }) => name),
    ['lamps'],
  );
  t.match(events, [{ kind: 'note', subject: 'wrong', text: /series\.yaml/ }]);
});

t.test('an mbox that we write is read back as the same series', async (t) => {
  const { own, carry, mbox, ctx } = await house(t);
  await carry('lamps');
  const { series } = await findSeries('lamps', ctx, own);
  await writeFile(mbox, writeMbox(series));
  const again = await importSeries(mbox, { name: 'lamps' }, ctx);
  t.equal(again.id, series.id);
  t.same(
    again.patches.map(({ date }) => date),
    series.patches.map(({ date }) => date),
  );
});
