import { constants } from 'node:fs';
import {
  File,
  ioMemory,
  type Memory,
  mounted,
  pattern,
  type SqeFields,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { GroupRing, saidSorted } from './groups.ts';

const LENGTH = 64 << 10;
const COPIES = 3;
const DIRECT = constants.O_RDWR | constants.O_DIRECT;

/** A place to read or write: bytes from the start of a file. */
interface Place {
  file: File;
  position: number;
}

/** Each place is in a file of its own, on a file system that is made on the drive. */
function files(t: Test): Place[] {
  const directory = mounted(t, t.device('data'), 32768);
  return Array.from({ length: COPIES + 1 }, (_, index) => ({
    file: t.use(new File(`${directory}/file${index}`, DIRECT | constants.O_CREAT)),
    position: 0,
  }));
}

/** All of them are on the drive itself. */
function regions(t: Test): Place[] {
  const file = t.use(new File(t.device('data').block, DIRECT));
  return Array.from({ length: COPIES + 1 }, (_, index) => ({ file, position: index * LENGTH }));
}

function put(t: Test, { file, position }: Place, bytes: Uint8Array): void {
  using memory = ioMemory(t, bytes.length);
  memory.bytes.set(bytes);
  t.equal(file.write(memory.bytes, position), bytes.length);
}

function get(t: Test, { file, position }: Place): Uint8Array {
  using memory = ioMemory(t, LENGTH);
  t.equal(file.read(memory.bytes, position), LENGTH);
  return memory.bytes.slice();
}

const transfer = (kind: 'READ' | 'WRITE', { file, position }: Place, memory: Memory): SqeFields => ({
  ...{ opcode: `IORING_OP_${kind}`, fd: file.fd, off: position },
  ...{ addr: memory.address, len: memory.length },
});

const WHERE = { 'files on the drive': files, 'regions of the drive': regions };

suite('read once, write to many', { devices: ['data'] }, () => {
  for (const [where, places] of Object.entries(WHERE))
    for (const leaderAsync of [false, true])
      for (const leaderLink of [false, true])
        for (const memberAsync of [false, true]) {
          const said = [
            leaderAsync ? 'leader async' : '',
            leaderLink ? 'leader linked' : '',
            memberAsync ? 'members async' : '',
          ].filter(Boolean);
          test(`${where}: ${said.join(', ') || 'no flags'}`, async (t) => {
            const [source, ...targets] = places(t) as [Place, ...Place[]];
            const on = new GroupRing(t);
            const bytes = pattern(LENGTH, said.join().length + 1);
            put(t, source, bytes);
            for (const target of targets) put(t, target, new Uint8Array(LENGTH).fill(0xee));
            const memory = ioMemory(t, LENGTH);
            const flags = [...(leaderAsync ? ['IOSQE_ASYNC'] : []), ...(leaderLink ? ['IOSQE_IO_LINK'] : [])];
            const member = memberAsync ? ['IOSQE_ASYNC'] : [];
            on.group(
              { ...transfer('READ', source, memory), userData: 1, flags },
              ...targets.map((target, index) => ({
                ...transfer('WRITE', target, memory),
                ...{ userData: 2 + index, flags: member },
              })),
            );
            // What is linked reads what the group has just written, into other memory.
            const after = ioMemory(t, LENGTH);
            if (leaderLink) on.ring.sqe({ ...transfer('READ', targets[0] as Place, after), userData: 9 });
            const count = 1 + COPIES + (leaderLink ? 1 : 0);
            const cqes = await on.done(count);
            const tags = [1, 2, 3, 4, ...(leaderLink ? [9] : [])];
            t.same(
              saidSorted(cqes),
              tags.map((tag) => `${tag}:${LENGTH}`),
            );
            t.equal(cqes[COPIES]?.tag, 1, 'the leader after its members');
            for (const target of targets) t.bytes(get(t, target), bytes, 'the copy');
            if (leaderLink) t.bytes(after.bytes, bytes, 'what the linked read saw');
          });
        }

  test('copies of copies: two groups in a link, the second reads what the first has written', async (t) => {
    const places = regions(t) as [Place, Place, Place, Place];
    const on = new GroupRing(t);
    const bytes = pattern(LENGTH, 77);
    put(t, places[0], bytes);
    for (const place of places.slice(1)) put(t, place, new Uint8Array(LENGTH));
    const [first, second] = [ioMemory(t, LENGTH), ioMemory(t, LENGTH)];
    on.group(
      { ...transfer('READ', places[0], first), userData: 1, flags: ['IOSQE_IO_LINK'] },
      { ...transfer('WRITE', places[1], first), userData: 2 },
    );
    on.group(
      { ...transfer('READ', places[1], second), userData: 3 },
      { ...transfer('WRITE', places[2], second), userData: 4 },
      { ...transfer('WRITE', places[3], second), userData: 5 },
    );
    t.same(
      saidSorted(await on.done(5)),
      [1, 2, 3, 4, 5].map((tag) => `${tag}:${LENGTH}`),
    );
    for (const place of places.slice(1)) t.bytes(get(t, place), bytes, 'the copy');
  });
});
