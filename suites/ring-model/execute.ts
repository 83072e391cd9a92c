import {
  type Cqe,
  type Device,
  type File,
  ioMemory,
  type Memory,
  type NvmeCommand,
  nvme,
  resultName,
  type Test,
  TestRing,
} from '../lib/index.ts';
import { type DeviceResults, Model } from './model.ts';
import type { Request, Sequence, Step } from './plan.ts';

/** Read buffers: more than the requests of a sequence (12 submissions of up to 8), so that no two reads share one. */
export const SLOTS = 128;
/** The command of a `features` request. */
export const featuresCommand: NvmeCommand = {
  opcode: nvme.Admin.getFeatures,
  nsid: 0,
  cdw10: nvme.Feature.temperatureThreshold,
};

/** Files, memory and expected device results that all sequences of a test share. */
export interface Fixture {
  t: Test;
  device: Device;
  block: File;
  char: File;
  controller: File;
  /** `SLOTS` read buffers of one block each. */
  memory: Memory;
  results: DeviceResults;
}

const LINKS = { none: [], soft: ['IOSQE_IO_LINK'], hard: ['IOSQE_IO_HARDLINK'] } as const;

const PASSTHROUGH: readonly Request['kind'][] = ['flush', 'unknown', 'features'];

/**
 * Whether the kernel has copied all SQEs of a submission when it returns. Linux 6.12 reads a passthrough command that is not
 * issued at once from its SQE slot later, unless it is forced async (io_uring_cmd_prep_setup(); stable.ts of the suite passthrough
 * tests that). This concerns a command linked behind another, and a command of a chain that the end of the submission cuts off,
 * which a worker issues.
 */
function copiesSqes(requests: readonly Request[]): boolean {
  return requests.every(({ kind, async }, index) => {
    const linkedTo = index > 0 && requests[index - 1]?.link !== 'none';
    const cutOff = requests.slice(index).every(({ link }) => link !== 'none');
    return async || !PASSTHROUGH.includes(kind) || !(linkedTo || cutOff);
  });
}

/** A ring and its model; each step is applied to both and the results are compared. */
class Run implements Disposable {
  readonly #fixture: Fixture;
  readonly #ring: TestRing;
  readonly #model: Model;
  /** A struct __kernel_timespec of an hour. */
  readonly #hour: Memory;

  constructor(fixture: Fixture, { shape, entries, cqEntries, flags }: Sequence) {
    this.#fixture = fixture;
    this.#ring = new TestRing(fixture.t.uapi, { shape, entries, cqEntries, flags });
    this.#model = new Model(shape, fixture.results);
    this.#hour = ioMemory(fixture.t, 16);
    this.#hour.view.setBigInt64(0, 3600n, true);
  }

  #write({ kind, link, async }: Request, userData: number): void {
    const { char, controller, block, device, memory } = this.#fixture;
    const flags = [...LINKS[link], ...(async ? ['IOSQE_ASYNC'] : [])];
    const common = { flags, userData };
    // Reads in flight must not share memory: DMA-API debugging reports overlapping mappings.
    const { address: addr } = memory.part((userData % SLOTS) * device.blockSize);
    const read = { ...common, opcode: 'IORING_OP_READ', addr, len: device.blockSize };
    if (kind === 'nop') this.#ring.sqe({ ...common, opcode: 'IORING_OP_NOP' });
    else if (kind === 'read') this.#ring.sqe({ ...read, fd: block.fd });
    else if (kind === 'bad') this.#ring.sqe({ ...read, fd: -1 });
    else if (kind === 'flush')
      this.#ring.passthrough({ ...common, fd: char.fd, command: nvme.flush(device) });
    else if (kind === 'unknown') {
      const command = { opcode: 0xc0, nsid: device.nsid };
      this.#ring.passthrough({ ...common, fd: char.fd, command });
    } else {
      const cmdOp = 'NVME_URING_CMD_ADMIN';
      this.#ring.passthrough({ ...common, fd: controller.fd, cmdOp, command: featuresCommand });
    }
  }

  #submit(count: number, overwrite = false): void {
    const { t } = this.#fixture;
    t.equal(this.#ring.submit(), count, 'SQEs submitted');
    if (overwrite) new Uint8Array(this.#ring.sqes).fill(0xff);
    const { sqHead, sqTail } = this.#ring.indices();
    const { submitted } = this.#model;
    t.same([sqHead, sqTail], [submitted, submitted], 'SQ head and tail');
  }

  #check(cqes: readonly Cqe[]): void {
    const { t } = this.#fixture;
    for (const { tag, res, big } of cqes) {
      const expected = this.#model.take(tag);
      t.ok(
        expected,
        `CQE ${tag} (res ${resultName(res)}) is outstanding, and those before it in its chain are not`,
      );
      const shownRes = typeof expected?.res === 'string' ? resultName(res) : res;
      const expectedRes = typeof expected?.res === 'string' ? `-${expected.res}` : expected?.res;
      t.same([shownRes, ...big], [expectedRes, expected?.extra, 0n], `res and extra words of CQE ${tag}`);
    }
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'submit') {
      const tags = this.#model.submit(step.requests);
      step.requests.forEach((request, index) => {
        this.#write(request, tags[index] ?? 0);
      });
      const copied = copiesSqes(step.requests);
      this.#submit(step.requests.length, step.overwrite && copied);
      // Slots that the kernel may still read must not be reused by the next step.
      if (!copied) this.#check(await this.#ring.wait(this.#model.outstanding));
    } else if (step.do === 'pend') {
      const addr = this.#hour.address;
      this.#ring.sqe({ opcode: 'IORING_OP_TIMEOUT', addr, len: 1, userData: this.#model.pend() });
      this.#submit(1);
    } else if (step.do === 'cancel') {
      const { tag, target } = this.#model.cancel(step.which);
      this.#ring.sqe({ opcode: 'IORING_OP_ASYNC_CANCEL', addr: BigInt(target), userData: tag });
      this.#submit(1);
    } else if (step.do === 'reap') this.#check(this.#ring.reap(step.count));
    else this.#check(await this.#ring.wait(this.#model.outstanding));
  }

  /** Cancels pending timeouts, waits for all completions and compares the ring's counters with the model. */
  async settle(): Promise<void> {
    const { t } = this.#fixture;
    while (this.#model.pending > 0) await this.step({ do: 'cancel', which: 0 });
    this.#check(await this.#ring.wait(this.#model.outstanding));
    t.same(this.#ring.reap(), [], 'CQEs after all outstanding ones');
    const { cqHead, cqTail, overflow } = this.#ring.indices();
    const { completed } = this.#model;
    t.same(
      { cqHead, cqTail, overflow },
      { cqHead: completed, cqTail: completed, overflow: 0 },
      'CQ head, tail and overflow count',
    );
  }

  [Symbol.dispose](): void {
    this.#ring.close();
    this.#hour.release();
  }
}

/** Executes a sequence on a new ring. Throws AssertionError where the ring differs from the model. */
export async function execute(fixture: Fixture, sequence: Sequence): Promise<void> {
  using run = new Run(fixture, sequence);
  for (const step of sequence.steps) await run.step(step);
  if (!sequence.abandon) await run.settle();
}
