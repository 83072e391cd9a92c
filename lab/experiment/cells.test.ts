import t from 'tap';
import type { CellSession } from '../cell/session.ts';
import type { CellSpec } from '../model/cell.ts';
import type { LabEvent } from '../model/event.ts';
import { CellSlots } from './cells.ts';

const spec = (kernel: string) =>
  ({
    ...{ kernel: { id: kernel }, profile: { name: 'plain' }, suite: { name: 'passthrough' } },
    ...{ repeat: 1, attempt: 1 },
  }) as CellSpec;

t.test('cells that an interruption left without a result are lost', async (t) => {
  const events: Omit<LabEvent, 'at'>[] = [];
  const abort = new AbortController();
  abort.abort(new Error('interrupted by SIGINT'));
  const ctx = { signal: abort.signal, emit: (event: Omit<LabEvent, 'at'>) => events.push(event) };
  await new CellSlots(1, 2, {} as CellSession, ctx).runAll([spec('base'), spec('patched')]);
  t.match(events, [
    {
      ...{ type: 'cell.end', cell: 'base/plain/passthrough', verdict: 'lost' },
      result: { verdict: 'lost', reason: /interrupted/, attempts: [{ verdict: 'lost' }] },
    },
    { type: 'cell.end', cell: 'patched/plain/passthrough', verdict: 'lost' },
  ]);
});
