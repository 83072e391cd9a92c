import { ioMemory, type Pipe, type SqeFields, type Test, type TestRing } from '../lib/index.ts';

/** FUTEX2_SIZE_U32 | FUTEX2_PRIVATE (linux/futex.h). */
const FUTEX_OF_32_BITS = 0x82;
/** POLLIN (asm-generic/poll.h). */
const READABLE = 1;

/** Forever, as an operation that another layer waits for. */
export function timeout(t: Test, userData: number) {
  const spec = ioMemory(t, 16);
  spec.view.setBigInt64(0, 3600n, true);
  return { opcode: 'IORING_OP_TIMEOUT', addr: spec.address, len: 1, userData, flags: [] as string[] };
}

/** Waits for a futex that nobody wakes. */
export function futex(t: Test, userData: number): SqeFields {
  const { address } = ioMemory(t, 4);
  return {
    ...{ opcode: 'IORING_OP_FUTEX_WAIT', fd: FUTEX_OF_32_BITS, addr: address, off: 0, userData },
    more: { addr3: 0xffffffffn },
  };
}

/** Waits until there is something in the pipe, and leaves it there. */
export const watching = ({ reader }: Pipe, userData: number): SqeFields => ({
  ...{ opcode: 'IORING_OP_POLL_ADD', fd: reader, userData },
  more: { poll32_events: READABLE },
});

/**
 * Posts a completion to another ring. A request whose file is a ring is one that an exiting task waits for
 * (io_file_get_normal): else two rings could hold each other forever.
 */
export const message = (to: TestRing, userData: number): SqeFields => ({
  ...{ opcode: 'IORING_OP_MSG_RING', fd: to.fd, userData },
});
