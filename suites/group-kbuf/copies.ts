import { CopyTrace, ioMemory, suite, type Test, test } from '../lib/index.ts';
import { type DataPath, pathOptions, USER_COPY, ZERO_COPY } from '../lib/ublk/datapath.ts';
import { MIB, startServer } from '../lib/ublk/fixtures.ts';

const LENGTH = 64 << 10;

/** Bytes that the kernel copies for a request of a device whose server has this data path, and the drive as its target. */
async function copied(t: Test, trace: CopyTrace, path: DataPath, kind: 'READ' | 'WRITE'): Promise<number> {
  const { client } = await startServer(t, { ...pathOptions(path), target: ZERO_COPY.scratch(t, MIB) });
  const memory = ioMemory(t, LENGTH, 3);
  trace.take();
  const { res } = await client.transfer(kind, memory, 0);
  t.equal(res, LENGTH, `CQE res of the client ${kind.toLowerCase()}`);
  return trace.take();
}

suite('copies of data', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  for (const kind of ['READ', 'WRITE'] as const)
    test(`the kernel copies no data of a client ${kind.toLowerCase()} through lent pages, and does for one through user memory`, async (t) => {
      const trace = CopyTrace.open();
      if (!(trace instanceof CopyTrace)) return t.skip(trace.reason);
      const control = await copied(t, trace, USER_COPY, kind);
      t.ok(
        control >= LENGTH,
        `the kernel copies the data to or from user memory (${control} of ${LENGTH} bytes)`,
      );
      const lent = await copied(t, trace, ZERO_COPY, kind);
      t.ok(lent < LENGTH / 8, `the kernel copies no data through lent pages (${lent} of ${LENGTH} bytes)`);
    });
});
