import t from 'tap';
import { boundComplaints } from './bound.ts';

const complaint = (title: string, text: string, fatal = true) => ({
  ...{ title, signature: title, text, line: 1, fatal },
});

t.test('complaints that fit into a record are kept as they are', (t) => {
  const complaints = [complaint('KASAN: a', 'a report'), complaint('a reset', 'nvme reset', false)];
  t.same(boundComplaints(complaints, 10_000), complaints);
  t.end();
});

t.test('of complaints that do not fit, each keeps its title and the fatal ones their text', (t) => {
  const text = '\u0003'.repeat(10_000);
  const complaints = [
    complaint('a reset', text, false),
    ...Array.from({ length: 50 }, (_, index) => complaint(`BUG: ${index}`, text)),
  ];
  const kept = boundComplaints(complaints, 200_000);
  t.same(
    kept.map(({ title }) => title),
    complaints.map(({ title }) => title),
    'titles',
  );
  t.same(
    kept.flatMap((each) => (each.text === text ? [each.title] : [])),
    ['BUG: 0', 'BUG: 1', 'BUG: 2'],
    'complaints with their text',
  );
  t.match(kept[0]?.text, /10000 characters left out/);
  t.ok(JSON.stringify(kept).length < 220_000, 'characters of the complaints');
  t.end();
});
