import { ioMemory, type Pipe, type SqeFields, type Test, type TestRing } from '../lib/index.ts';

/** FUTEX2_SIZE_U32 | FUTEX2_PRIVATE (linux/futex.h). */
const PRIVATE_U32_FUTEX = 0x82;
/** POLLIN (asm-generic/poll.h). */
const POLLIN = 1;

/** A timeout of one hour: pending until it is cancelled. */
export function timeout(t: Test, userData: number) {
  const spec = ioMemory(t, 16);
  spec.view.setBigInt64(0, 3600n, true);
  return { opcode: 'IORING_OP_TIMEOUT', addr: spec.address, len: 1, userData, flags: [] as string[] };
}

/** A wait for a futex without a waker: pending until it is cancelled. */
export function futexWait(t: Test, userData: number): SqeFields {
  const { address } = ioMemory(t, 4);
  return {
    ...{ opcode: 'IORING_OP_FUTEX_WAIT', fd: PRIVATE_U32_FUTEX, addr: address, off: 0, userData },
    more: { addr3: 0xffffffffn },
  };
}

/** A poll that completes when the pipe has data, which it does not read. */
export const pipePoll = ({ reader }: Pipe, userData: number): SqeFields => ({
  ...{ opcode: 'IORING_OP_POLL_ADD', fd: reader, userData },
  more: { poll32_events: POLLIN },
});

/**
 * Posts a CQE to another ring. Its file is a ring, and an exiting task cancels requests on ring files by inflight tracking
 * (io_file_get_normal): otherwise two rings could keep each other alive for ever.
 */
export const messageTo = (ring: TestRing, userData: number): SqeFields => ({
  ...{ opcode: 'IORING_OP_MSG_RING', fd: ring.fd, userData },
});
