import type { Cqe } from '../binding/index.ts';
import { type GroupMarking, groupMarking } from './group.ts';
import { openRing, type TestRing, type TestRingOptions } from './ring.ts';
import type { Passthrough, SqeFields } from './sqe.ts';
import type { Test } from './test.ts';
import type { UapiTable } from './uapi.ts';

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
