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

/** Other ways to run a ring; each goes through code of its own. */
export const WAYS: Record<string, readonly string[]> = {
  'an ordinary ring': [],
  'a ring with deferred work': ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'],
  'a ring with a polling thread': ['IORING_SETUP_SQPOLL'],
  'a ring that stops at no error': ['IORING_SETUP_SUBMIT_ALL'],
};

/** A ring that groups are put on. */
export class GroupRing {
  readonly ring: TestRing;
  readonly #marking: GroupMarking;
  readonly #uapi: UapiTable;

  constructor(t: Test, options: TestRingOptions = {}) {
    this.#marking = groupMarking(t.uapi);
    this.#uapi = t.uapi;
    this.ring = openRing(t, { shape: 'plain', ...options });
  }

  /** Writes the next SQE; `more`: what comes next is of the same group. */
  write(sqe: SqeFields, more: boolean): DataView {
    const view = this.ring.sqe(sqe);
    if (more) this.#marking.mark(view);
    return view;
  }

  /** The same for an NVMe command. */
  passthrough(pass: Passthrough, more: boolean): void {
    const view = this.ring.passthrough(pass);
    if (more) this.#marking.mark(view);
  }

  /** Writes a leader and its members. */
  group(...sqes: readonly SqeFields[]): void {
    sqes.forEach((sqe, index) => {
      this.write(sqe, index < sqes.length - 1);
    });
  }

  /** Writes a group whose last SQE says that there are more. */
  cutOff(...sqes: readonly SqeFields[]): void {
    for (const sqe of sqes) this.write(sqe, true);
  }

  /** Hands over what was written; a polling thread has to be woken if it sleeps. */
  submit(): void {
    const { params } = this.ring;
    const polling = params.flags & this.#uapi.constant('IORING_SETUP_SQPOLL');
    if (polling) this.ring.enter(this.ring.publish(), 0, this.#uapi.constant('IORING_ENTER_SQ_WAKEUP'));
    else this.ring.submit();
  }

  /** Submits, and waits for so many completions: as they come. */
  async done(count: number, options?: { timeoutMs?: number }): Promise<Cqe[]> {
    this.submit();
    return await this.ring.wait(count, options);
  }
}

export const nop = (userData: number, more: Partial<SqeFields> = {}): SqeFields => ({
  opcode: 'IORING_OP_NOP',
  userData,
  ...more,
});

/** Fails when it is issued. */
export const bad = (userData: number, more: Partial<SqeFields> = {}): SqeFields => ({
  opcode: 'IORING_OP_FSYNC',
  fd: -1,
  userData,
  ...more,
});

/** Fails when it is taken. */
export const unknown = (userData: number, more: Partial<SqeFields> = {}): SqeFields => ({
  opcode: 250,
  userData,
  ...more,
});

/** A read of one byte that waits until the pipe is fed. */
export function waiting(t: Test, { reader }: Pipe, userData: number, flags: readonly string[] = []) {
  const { address } = ioMemory(t, 1);
  return { opcode: 'IORING_OP_READ', fd: reader, addr: address, len: 1, off: -1, userData, flags };
}

/** `3:0 4:-ECANCELED`, in the order of arrival. */
export const said = (cqes: readonly Cqe[]) => cqes.map(({ tag, res }) => `${tag}:${resultName(res)}`);

/** The same, sorted: where the order is free. */
export const saidSorted = (cqes: readonly Cqe[]) => said([...cqes].sort((a, b) => a.tag - b.tag));

export const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + index);
