import { join } from 'node:path';
import t from 'tap';
import { attributeComplaints } from './attribute.ts';
import { collectComplaints } from './complaints.ts';
import { loadKnown, markKnown } from './known.ts';

const SPLAT = `[    1.000000] ringlab: begin pulls a controller
[    1.111111] ------------[ cut here ]------------
[    1.222222] WARNING: CPU: 0 PID: 9 at drivers/x.c:1 port_gone+0x10/0x20
[    1.333333] Call Trace:
[    1.444444]  <TASK>
[    1.555555]  slot_empty+0x10/0x20
[    1.666666]  worker_thread+0x1/0x2
[    1.777777]  </TASK>
[    1.888888] ---[ end trace 0000000000000000 ]---
`;
const entry = { title: 'WARNING in port_gone', functions: ['slot_empty'], reason: 'older than any series' };
const [found] = collectComplaints(SPLAT);
if (!found) throw new Error('the sample is no complaint');

t.test('a known complaint is reported and fails no test', async (t) => {
  t.ok(found.fatal, 'it is one that fails a test');
  const [marked] = markKnown([found], [entry]);
  t.match(marked, { fatal: false, known: 'older than any series', title: found.title, text: found.text });
  const test = { name: 'pulls a controller', verdict: 'pass' as const };
  t.match(attributeComplaints([test], [{ ...found, test: test.name }]), [{ verdict: 'crash' }]);
  t.match(attributeComplaints([test], [{ ...(marked ?? found), test: test.name }]), [{ verdict: 'pass' }]);
});

t.test('only the complaint that is meant is known', async (t) => {
  for (const other of [
    { ...entry, title: 'KASAN: ' },
    { ...entry, functions: ['slot_empty', 'slot_full'] },
    { ...entry, functions: ['slot_emp'] },
  ])
    t.same(markKnown([found], [other]), [found]);
});

t.test("the project's list is read, and the user's after it; what is wrong in it is named", async (t) => {
  const dir = t.testdir({
    'mine.yaml': '- title: "WARNING: CPU"\n  functions: [slot_empty]\n  reason: mine\n',
    'bad.yaml': '- title: x\n  functions: []\n- title: "WARNING: CPU"\n  functions: ["a b"]\n  colour: red\n',
  });
  const ours = await loadKnown();
  t.same(await loadKnown(join(dir, 'mine.yaml')), [
    ...ours,
    { title: 'WARNING: CPU', functions: ['slot_empty'], reason: 'mine' },
  ]);
  const wrong = /0\.title[\s\S]*0\.functions[\s\S]*0\.reason[\s\S]*1\.functions\.0[\s\S]*colour/;
  await t.rejects(loadKnown(join(dir, 'bad.yaml')), { exitCode: 2, message: wrong });
  await t.rejects(loadKnown(join(dir, 'none.yaml')), { exitCode: 2, message: /cannot read .*none\.yaml/ });
});
