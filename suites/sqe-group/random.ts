import { constants } from 'node:fs';
import {
  File,
  holds,
  ioMemory,
  type Memory,
  resultName,
  type SqeFields,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { collect } from './collect.ts';
import { GroupRing, RING_KINDS } from './groups.ts';
import { expected, type Graph, graphs, type Request } from './model.ts';

const RUNS = 60;
/** Shrinking stops here, so that a failure is reported before the test's deadline even if it is not the smallest. */
const SHRINK_MS = 30_000;
/** Short, so that a graph that loses CQEs is shrunk within the test's time. */
const COLLECT_MS = 1000;
/** 8 items with a leader and 4 members each. */
const MAX_REQUESTS = 8 * 5;
const DRAIN_TAG = 1000;

interface Fixture {
  t: Test;
  flags: readonly string[];
  file: File;
  /** One block for each request, by tag: all may be in flight together. */
  memory: Memory;
  blockSize: number;
}

const LINK_FLAGS = { none: [], soft: ['IOSQE_IO_LINK'], hard: ['IOSQE_IO_HARDLINK'] } as const;

function sqe({ file, memory, blockSize }: Fixture, { kind, async }: Request, userData: number): SqeFields {
  const flags = async ? ['IOSQE_ASYNC'] : [];
  const { address: addr } = memory.part(userData * blockSize);
  const read = { opcode: 'IORING_OP_READ', addr, len: blockSize, off: 0, userData, flags };
  if (kind === 'nop') return { opcode: 'IORING_OP_NOP', userData, flags };
  if (kind === 'badOpcode') return { opcode: 250, userData, flags };
  return { ...read, fd: kind === 'badFile' ? -1 : file.fd };
}

function writeGraph(groupRing: GroupRing, fixture: Fixture, { items, cutOff }: Graph): void {
  let tag = 1;
  items.forEach(({ members, link, refused, ...leader }, index) => {
    const open = cutOff && index === items.length - 1;
    const leaderSqe = sqe(fixture, leader, tag++);
    const flags = [...(leaderSqe.flags as string[]), ...LINK_FLAGS[link]];
    groupRing.write({ ...leaderSqe, flags }, open || members.length > 0);
    members.forEach((member, at) => {
      const memberSqe = sqe(fixture, member, tag++);
      const linkFlags = at === refused ? ['IOSQE_IO_HARDLINK'] : [];
      groupRing.write(
        { ...memberSqe, flags: [...(memberSqe.flags as string[]), ...linkFlags] },
        open || at < members.length - 1,
      );
    });
  });
}

async function execute(fixture: Fixture, graph: Graph): Promise<void> {
  const { t, flags, blockSize } = fixture;
  const setupFlags = [...new Set([...flags, 'IORING_SETUP_SUBMIT_ALL'])];
  const groupRing = new GroupRing(t, { flags: setupFlags, entries: 64 });
  try {
    writeGraph(groupRing, fixture, graph);
    const { results, before } = expected(graph, { nop: '0', read: `${blockSize}` });
    const cqes = await collect(groupRing, results.size, COLLECT_MS);
    const received = new Map(cqes.map(({ tag, res }) => [tag, resultName(res)]));
    t.same(
      [...received].sort(([a], [b]) => a - b),
      [...results].sort(([a], [b]) => a - b),
      'results by tag',
    );
    const order = cqes.map(({ tag }) => tag);
    for (const [earlier, later] of before)
      t.ok(order.indexOf(earlier) < order.indexOf(later), `${earlier} completes before ${later}: ${order}`);
    // Drain counts SQEs less those that post no CQE: it completes only if the kernel's count of the graph is right.
    groupRing.write({ opcode: 'IORING_OP_NOP', userData: DRAIN_TAG, flags: ['IOSQE_IO_DRAIN'] });
    t.same(
      (await collect(groupRing, 1, COLLECT_MS)).map(({ tag }) => tag),
      [DRAIN_TAG],
      'tags of CQEs after the graph, of a drained request',
    );
  } finally {
    groupRing.ring.close();
  }
}

suite('random graphs of groups and links', { devices: ['data'], class: 'choice' }, () => {
  for (const [kind, flags] of Object.entries(RING_KINDS))
    test(`${kind}: results and order of random graphs of groups and links match a model`, async (t) => {
      const { block, blockSize } = t.device('data');
      const file = t.use(new File(block, constants.O_RDONLY | constants.O_DIRECT));
      const memory = ioMemory(t, (MAX_REQUESTS + 1) * blockSize);
      const fixture = { t, flags, file, memory, blockSize };
      const trials = { runs: RUNS, limitMs: SHRINK_MS };
      await holds(t, graphs, (graph) => execute(fixture, graph), trials);
    });
});
