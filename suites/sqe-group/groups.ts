import {
  type Cqe,
  type GroupMarking,
  groupMarking,
  ioMemory,
  openRing,
  type Passthrough,
  type Pipe,
  resultName,
  type SqeFields,
  type Test,
  type TestRing,
  type TestRingOptions,
  type UapiTable,
} from '../lib/index.ts';

/** Set-up flags of the rings that a test runs on, by the name in its title. The kernel submits or completes differently on each. */
export const RING_KINDS: Record<string, readonly string[]> = {
  'default ring': [],
  'DEFER_TASKRUN ring': ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'],
  'SQPOLL ring': ['IORING_SETUP_SQPOLL'],
  'SUBMIT_ALL ring': ['IORING_SETUP_SUBMIT_ALL'],
};

/** A ring, closed at the test's end, and the group flag of the kernel under test. Shape `plain` unless the options have another. */
export class GroupRing {
  readonly ring: TestRing;
  readonly #marking: GroupMarking;
  readonly #uapi: UapiTable;

  /** Throws SkipError on a kernel without SQE groups. */
  constructor(t: Test, options: TestRingOptions = {}) {
    this.#marking = groupMarking(t.uapi);
    this.#uapi = t.uapi;
    this.ring = openRing(t, { shape: 'plain', ...options });
  }

  /** Writes the next SQE; `more`: the SQE after it belongs to the same group. */
  write(sqe: SqeFields, more = false): DataView {
    const view = this.ring.sqe(sqe);
    if (more) this.#marking.mark(view);
    return view;
  }

  /** Writes the next SQE as an NVMe command; `more` as for `write`. */
  passthrough(command: Passthrough, more: boolean): void {
    const view = this.ring.passthrough(command);
    if (more) this.#marking.mark(view);
  }

  /** Writes a group: the leader, then its members. */
  writeGroup(...sqes: readonly SqeFields[]): void {
    sqes.forEach((sqe, index) => {
      this.write(sqe, index < sqes.length - 1);
    });
  }

  /** Writes a group whose last SQE has the group flag too, so that only the end of the submission ends the group. */
  writeCutOffGroup(...sqes: readonly SqeFields[]): void {
    for (const sqe of sqes) this.write(sqe, true);
  }

  /** Submits what was written; wakes the polling thread of an SQPOLL ring. */
  submit(): void {
    const { params } = this.ring;
    const polling = params.flags & this.#uapi.constant('IORING_SETUP_SQPOLL');
    if (polling) this.ring.enter(this.ring.publish(), 0, this.#uapi.constant('IORING_ENTER_SQ_WAKEUP'));
    else this.ring.submit();
  }

  /** Submits, and waits for `count` CQEs; returns them in order of arrival. Throws TimeoutError when they do not come. */
  async submitAndWait(count: number, options?: { timeoutMs?: number }): Promise<Cqe[]> {
    this.submit();
    return await this.ring.wait(count, options);
  }
}

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

/** `count` numbers from `from` on. */
export const range = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + index);
