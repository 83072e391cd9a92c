/** Guests that ran out of memory: what was killed, and which tasks took the memory. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { outOfMemory, withOutOfMemory } from './oom.ts';
import type { SuiteOutcome } from './suite-end.ts';

const stamp = (lines: readonly string[]) =>
  lines.map((line, at) => `[   12.${100 + at}000] ${line}`).join('\n');

const OLD = stamp([
  'node invoked oom-killer: gfp_mask=0x140dca, order=0, oom_score_adj=0',
  'Mem-Info:',
  ' slab_reclaimable:1200 slab_unreclaimable:25600',
  'Tasks state (memory values in pages):',
  '[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name',
  '[     61]     0    61      900      256    40960        0             0 dropbear',
  '[     70]     0    70   300000    76800   700000        0             0 node',
  '[     80]     0    80    10000     2560   700000        0             0 fio',
  '[     81]     0    81      100       10    40960        0             0 sh',
  'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=node,pid=70,uid=0',
  'Out of memory: Killed process 70 (node) total-vm:1200000kB, anon-rss:300000kB, UID:0 oom_score_adj:0',
]);
const NEW = stamp([
  'dd invoked oom-killer: gfp_mask=0x140dca, order=0, oom_score_adj=0',
  '[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name',
  '[     90]     0    90    20000     5120     5000      120        0    40960        0             0 dd',
  'Out of memory: Killed process 90 (dd) total-vm:80000kB',
]);

t.test('the largest tasks and the memory of the kernel are named', (t) => {
  t.equal(
    outOfMemory(`booting\n${OLD}\nlater`)?.title,
    'the guest ran out of memory and killed node; largest: node 300 MiB, fio 10 MiB, dropbear 1 MiB; unreclaimable slab 100 MiB',
  );
  t.match(outOfMemory(`${OLD}\n${NEW}`), {
    title: 'the guest ran out of memory and killed dd; largest: dd 20 MiB',
    detail: /^dd invoked oom-killer[\s\S]*Killed process 90/,
  });
  t.equal(outOfMemory('fio invoked oom-killer: and nothing else'), undefined);
  t.equal(outOfMemory(''), undefined);
  t.end();
});

t.test('a suite that was killed for want of memory crashed, with the test that was running', async (t) => {
  const file = join(t.testdir({}), 'console');
  writeFileSync(file, OLD);
  const outcome: SuiteOutcome = {
    ...{ verdict: 'lost', reason: 'the agent ended with code 137 (SIGKILL)', killed: true },
    tests: [
      { name: 'a', verdict: 'pass' },
      { name: 'b', verdict: 'lost', reason: 'was running when the suite ended' },
      { name: 'c', verdict: 'lost', reason: 'no result arrived' },
    ],
    ...{ announced: ['a', 'b', 'c'], notBegun: ['c'] },
  };
  t.match(await withOutOfMemory(outcome, file), {
    verdict: 'crash',
    reason: /ran out of memory and killed node; largest: node 300 MiB/,
    detail: /Tasks state/,
    tests: [
      { name: 'a', verdict: 'pass' },
      { name: 'b', verdict: 'crash', reason: /^was running when the guest ran out of memory/ },
      { name: 'c', verdict: 'lost', reason: 'no result arrived' },
    ],
  });
  const alive = { ...outcome, killed: false };
  t.equal(await withOutOfMemory(alive, file), alive, 'a suite that was not killed');
  writeFileSync(file, 'no kill');
  t.equal(await withOutOfMemory(outcome, file), outcome, 'a SIGKILL of something else');
});
