/** The two ABIs by which SQEs are marked as part of a group. */
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { groupMarking } from './group.ts';
import { type SqeFields, writeSqe } from './sqe.ts';
import { UapiTable } from './uapi.ts';

const host = await hostUapi();
const sqeStruct = host.structs.io_uring_sqe ?? { size: 64, fields: {} };

const withFlags = (
  constants: Record<string, number>,
  fields: Record<string, { offset: number; size: number }>,
) =>
  new UapiTable({
    ...host,
    constants: { ...host.constants, ...constants },
    structs: { ...host.structs, io_uring_sqe: { ...sqeStruct, fields: { ...sqeStruct.fields, ...fields } } },
  });
/** Later revisions: a flag of its own. */
const flag = withFlags({ IOSQE_SQE_GROUP: 128 }, {});
/** The RFC: extended flags in the last byte, of a command in byte 2 of its flags. */
const extended = withFlags(
  { IOSQE_HAS_EXT_FLAGS: 128, IOSQE_EXT_SQE_GROUP: 1 },
  { ext_flags: { offset: 63, size: 1 } },
);

/** An SQE as bytes. */
function bytesOf(uapi: UapiTable, sqe: SqeFields, mark?: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(64));
  writeSqe(view, uapi, sqe);
  mark?.(view);
  return new Uint8Array(view.buffer);
}

for (const [name, uapi] of Object.entries({ flag, extended }))
  for (const opcode of ['IORING_OP_NOP', 'IORING_OP_URING_CMD'])
    t.test(`${name}, ${opcode}: a marked SQE is the same, however it is written`, (t) => {
      const { mark, marked } = groupMarking(uapi);
      const more: Record<string, number> = opcode === 'IORING_OP_URING_CMD' ? { uring_cmd_flags: 1 } : {};
      const sqe = { opcode, fd: 3, userData: 7, flags: ['IOSQE_ASYNC'], more };
      const bytes = bytesOf(uapi, sqe, mark);
      t.same(bytesOf(uapi, marked(sqe)), bytes);
      t.equal(bytes[1], 128 | uapi.constant('IOSQE_ASYNC'), 'flags');
      const isCommand = opcode === 'IORING_OP_URING_CMD';
      const at = uapi.field('io_uring_sqe', 'uring_cmd_flags').offset;
      t.equal(bytes[63], name === 'extended' && !isCommand ? 1 : 0, 'the last byte');
      if (isCommand)
        t.same([bytes[at], bytes[at + 2]], [1, name === 'extended' ? 1 : 0], 'flags of the command');
      t.end();
    });

t.test('a kernel without groups skips the test, and flags as a number cannot be marked', (t) => {
  t.throws(() => groupMarking(new UapiTable(host)), { name: 'SkipError' });
  t.throws(() => groupMarking(flag).marked({ opcode: 'IORING_OP_NOP', flags: 4 }), TypeError);
  t.end();
});
