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
import { completionsByTag, GroupRing } from './groups.ts';

const LENGTH = 64 << 10;
const COPIES = 3;
const DIRECT = constants.O_RDWR | constants.O_DIRECT;

/** Where LENGTH bytes are read or written: a file and a byte offset in it. */
interface Place {
  file: File;
  position: number;
}

/** A source and COPIES targets, each a file on a file system that is made on the drive. */
function files(t: Test): Place[] {
  const directory = mounted(t, t.device('data'), 32768);
  return Array.from({ length: COPIES + 1 }, (_, index) => ({
    file: t.use(new File(`${directory}/file${index}`, DIRECT | constants.O_CREAT)),
    position: 0,
  }));
}

/** A source and COPIES targets next to each other on the drive itself. */
function regions(t: Test): Place[] {
  const file = t.use(new File(t.device('data').block, DIRECT));
  return Array.from({ length: COPIES + 1 }, (_, index) => ({ file, position: index * LENGTH }));
}

function put(t: Test, { file, position }: Place, bytes: Uint8Array): void {
  using memory = ioMemory(t, bytes.length);
  memory.bytes.set(bytes);
  t.equal(file.write(memory.bytes, position), bytes.length, `bytes put at offset ${position}`);
}

function get(t: Test, { file, position }: Place): Uint8Array {
  using memory = ioMemory(t, LENGTH);
  t.equal(file.read(memory.bytes, position), LENGTH, `bytes read back at offset ${position}`);
  return memory.bytes.slice();
}

const transfer = (kind: 'READ' | 'WRITE', { file, position }: Place, memory: Memory): SqeFields => ({
  ...{ opcode: `IORING_OP_${kind}`, fd: file.fd, off: position },
  ...{ addr: memory.address, len: memory.length },
});

const PLACES = { 'files on the drive': files, 'regions of the drive': regions };

suite('one read, several writes', { devices: ['data'], class: 'contract' }, () => {
  for (const [kind, places] of Object.entries(PLACES))
    for (const leaderAsync of [false, true])
      for (const leaderLink of [false, true])
        for (const memberAsync of [false, true]) {
          const variant = [
            leaderAsync ? 'leader async' : '',
            leaderLink ? 'leader linked' : '',
            memberAsync ? 'members async' : '',
          ].filter(Boolean);
          test(`a group copies one read to three ${kind} (${variant.join(', ') || 'no flags'})`, async (t) => {
            const [source, ...targets] = places(t) as [Place, ...Place[]];
            const groupRing = new GroupRing(t);
            const bytes = pattern(LENGTH, variant.join().length + 1);
            put(t, source, bytes);
            for (const target of targets) put(t, target, new Uint8Array(LENGTH).fill(0xee));
            const memory = ioMemory(t, LENGTH);
            const flags = [...(leaderAsync ? ['IOSQE_ASYNC'] : []), ...(leaderLink ? ['IOSQE_IO_LINK'] : [])];
            const memberFlags = memberAsync ? ['IOSQE_ASYNC'] : [];
            groupRing.writeGroup(
              { ...transfer('READ', source, memory), userData: 1, flags },
              ...targets.map((target, index) => ({
                ...transfer('WRITE', target, memory),
                ...{ userData: 2 + index, flags: memberFlags },
              })),
            );
            // The linked request reads back a copy, into memory apart from the group's.
            const readBack = ioMemory(t, LENGTH);
            if (leaderLink)
              groupRing.write({ ...transfer('READ', targets[0] as Place, readBack), userData: 9 });
            const cqes = await groupRing.submitAndWait(1 + COPIES + (leaderLink ? 1 : 0));
            const tags = [1, 2, 3, 4, ...(leaderLink ? [9] : [])];
            t.same(
              completionsByTag(cqes),
              tags.map((tag) => `${tag}:${LENGTH}`),
              'completions of the group and its link',
            );
            t.equal(cqes[COPIES]?.tag, 1, 'tag of the last CQE of the group');
            targets.forEach((target, index) => {
              t.bytes(get(t, target), bytes, `copy ${index + 1}`);
            });
            if (leaderLink) t.bytes(readBack.bytes, bytes, 'data of the linked read');
          });
        }

  test('two linked groups copy one after the other: the second reads what the first has written', async (t) => {
    const places = regions(t) as [Place, Place, Place, Place];
    const groupRing = new GroupRing(t);
    const bytes = pattern(LENGTH, 77);
    put(t, places[0], bytes);
    for (const place of places.slice(1)) put(t, place, new Uint8Array(LENGTH));
    const [first, second] = [ioMemory(t, LENGTH), ioMemory(t, LENGTH)];
    groupRing.writeGroup(
      { ...transfer('READ', places[0], first), userData: 1, flags: ['IOSQE_IO_LINK'] },
      { ...transfer('WRITE', places[1], first), userData: 2 },
    );
    groupRing.writeGroup(
      { ...transfer('READ', places[1], second), userData: 3 },
      { ...transfer('WRITE', places[2], second), userData: 4 },
      { ...transfer('WRITE', places[3], second), userData: 5 },
    );
    t.same(
      completionsByTag(await groupRing.submitAndWait(5)),
      [1, 2, 3, 4, 5].map((tag) => `${tag}:${LENGTH}`),
      'completions of both groups',
    );
    places.slice(1).forEach((place, index) => {
      t.bytes(get(t, place), bytes, `copy ${index + 1}`);
    });
  });
});
