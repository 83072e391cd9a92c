import {
  type Cqe,
  ioMemory,
  memberError,
  type Pipe,
  resultName,
  type SqeFields,
  type Test,
} from '../lib/index.ts';

export { GroupRing } from '../lib/index.ts';

/** Set-up flags of the rings that a test runs on, by the name in its title. The kernel submits or completes differently on each. */
export const RING_KINDS: Record<string, readonly string[]> = {
  'default ring': [],
  'DEFER_TASKRUN ring': ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'],
  'SQPOLL ring': ['IORING_SETUP_SQPOLL'],
  'SUBMIT_ALL ring': ['IORING_SETUP_SUBMIT_ALL'],
};

/** Completes at once with 0. */
export const nop = (userData: number, more: Partial<SqeFields> = {}): SqeFields => ({
  opcode: 'IORING_OP_NOP',
  userData,
  ...more,
});

/** Fails when it is issued: EBADF. */
export const badFile = (userData: number, more: Partial<SqeFields> = {}): SqeFields => ({
  opcode: 'IORING_OP_FSYNC',
  fd: -1,
  userData,
  ...more,
});

/** Fails when it is initialised (io_init_req), before anything is issued: EINVAL. */
export const badOpcode = (userData: number, more: Partial<SqeFields> = {}): SqeFields => ({
  opcode: 250,
  userData,
  ...more,
});

/** A read of one byte that waits until the pipe is fed. */
export function pipeRead(t: Test, { reader }: Pipe, userData: number, flags: readonly string[] = []) {
  const { address } = ioMemory(t, 1);
  return { opcode: 'IORING_OP_READ', fd: reader, addr: address, len: 1, off: -1, userData, flags };
}

/** Tags with their results in order of arrival: `['3:0', '4:-ECANCELED']`. */
export const completions = (cqes: readonly Cqe[]) => cqes.map(({ tag, res }) => `${tag}:${resultName(res)}`);

/** As `completions`, in order of tags, where the order of arrival is not defined. */
export const completionsByTag = (cqes: readonly Cqe[]) =>
  completions([...cqes].sort((a, b) => a.tag - b.tag));

/**
 * As `completionsByTag`, of a group whose leader fails: results of these members are taken for -ECANCELED where they are what the RFC
 * documents (`memberError`).
 */
export const withFailedMembers = (t: Test, cqes: readonly Cqe[], members: readonly number[]) =>
  completions(
    [...cqes]
      .sort((a, b) => a.tag - b.tag)
      .map((cqe) => (members.includes(cqe.tag) ? { ...cqe, res: memberError(t, cqe.res) } : cqe)),
  );

/** `count` numbers from `from` on. */
export const range = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + index);
