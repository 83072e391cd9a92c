import { constants } from 'node:fs';
import {
  type Cqe,
  File,
  holds,
  ioMemory,
  type Memory,
  resultName,
  type SqeFields,
  suite,
  type Test,
  TimeoutError,
  test,
} from '../lib/index.ts';
import { GroupRing, WAYS } from './groups.ts';
import { expected, type Graph, graphs, type Request } from './model.ts';

const RUNS = 60;
/** A failure that is not the smallest is better than none before the test's deadline. */
const SHRINK_MS = 30_000;
/** No graph has more requests. */
const MOST = 8 * 5;
const DRAIN_TAG = 1000;

interface Surroundings {
  t: Test;
  flags: readonly string[];
  file: File;
  /** A block for each read that may be in flight. */
  memory: Memory;
  block: number;
}

const LINKS = { none: [], soft: ['IOSQE_IO_LINK'], hard: ['IOSQE_IO_HARDLINK'] } as const;

function sqe({ file, memory, block }: Surroundings, { kind, async }: Request, userData: number): SqeFields {
  const flags = async ? ['IOSQE_ASYNC'] : [];
  const addr = memory.address + BigInt(userData * block);
  const read = { opcode: 'IORING_OP_READ', addr, len: block, off: 0, userData, flags };
  if (kind === 'nop') return { opcode: 'IORING_OP_NOP', userData, flags };
  if (kind === 'unknown') return { opcode: 250, userData, flags };
  return { ...read, fd: kind === 'bad' ? -1 : file.fd };
}

function put(on: GroupRing, around: Surroundings, { items, cutOff }: Graph): void {
  let tag = 1;
  items.forEach(({ members, link, refused, ...leader }, index) => {
    const open = cutOff && index === items.length - 1;
    const first = sqe(around, leader, tag++);
    const flags = [...(first.flags as string[]), ...LINKS[link]];
    on.write({ ...first, flags }, open || members.length > 0);
    members.forEach((member, at) => {
      const fields = sqe(around, member, tag++);
      const own = at === refused ? ['IOSQE_IO_HARDLINK'] : [];
      on.write(
        { ...fields, flags: [...(fields.flags as string[]), ...own] },
        open || at < members.length - 1,
      );
    });
  });
}

/** What comes: all of it, or what there was when nothing more came. So failing graphs are shrunk within the test's time. */
async function arrived(on: GroupRing, count: number): Promise<Cqe[]> {
  try {
    return await on.done(count, { timeoutMs: 1000 });
  } catch (error) {
    if (error instanceof TimeoutError) return on.ring.reap();
    throw error;
  }
}

async function execute(around: Surroundings, graph: Graph): Promise<void> {
  const { t, flags, block } = around;
  const on = new GroupRing(t, { flags: [...new Set([...flags, 'IORING_SETUP_SUBMIT_ALL'])], entries: 64 });
  try {
    put(on, around, graph);
    const { results, before } = expected(graph, { nop: '0', read: `${block}` });
    const cqes = await arrived(on, results.size);
    const got = new Map(cqes.map(({ tag, res }) => [tag, resultName(res)]));
    t.same(
      [...got].sort(([a], [b]) => a - b),
      [...results].sort(([a], [b]) => a - b),
      'results by tag',
    );
    const order = cqes.map(({ tag }) => tag);
    for (const [earlier, later] of before)
      t.ok(order.indexOf(earlier) < order.indexOf(later), `${earlier} comes before ${later}: ${order}`);
    // It waits for as many completions as there were SQEs, less those that came to nothing.
    on.ring.sqe({ opcode: 'IORING_OP_NOP', userData: DRAIN_TAG, flags: ['IOSQE_IO_DRAIN'] });
    t.same(
      (await arrived(on, 1)).map(({ tag }) => tag),
      [DRAIN_TAG],
      'what comes then',
    );
  } finally {
    on.ring.close();
  }
}

suite('random graphs of groups and links', { devices: ['data'] }, () => {
  for (const [way, flags] of Object.entries(WAYS))
    test(`${way}: results and order are what a model says`, async (t) => {
      const { block, blockSize } = t.device('data');
      const file = t.use(new File(block, constants.O_RDONLY | constants.O_DIRECT));
      const memory = ioMemory(t, (MOST + 1) * blockSize);
      const around = { t, flags, file, memory, block: blockSize };
      const trials = { runs: RUNS, limitMs: SHRINK_MS };
      await holds(t, graphs, (graph) => execute(around, graph), trials);
    });
});
