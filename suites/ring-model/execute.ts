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
import { type Facts, Model } from './model.ts';
import type { Request, Sequence, Step } from './plan.ts';

const NUMBER_OF_QUEUES = 0x07;
/** More requests than a sequence has. */
export const SLOTS = 128;
export const featuresCommand: NvmeCommand = {
  opcode: nvme.Admin.getFeatures,
  nsid: 0,
  cdw10: NUMBER_OF_QUEUES,
};

/** What sequences work on; opened once for all of them. */
export interface Surroundings {
  t: Test;
  device: Device;
  block: File;
  char: File;
  controller: File;
  /** A block for each of `SLOTS` reads. */
  memory: Memory;
  facts: Facts;
}

const LINKS = { none: [], soft: ['IOSQE_IO_LINK'], hard: ['IOSQE_IO_HARDLINK'] } as const;

const PASSTHROUGH: readonly Request['kind'][] = ['flush', 'unknown', 'features'];

/**
 * Linux 6.12 reads a passthrough command that is not issued at once from its slot when its turn comes, unless it is forced
 * async (io_uring_cmd_prep_setup; the suite passthrough has tests of that): one that is linked behind another, and one of a chain
 * that the end of the submission cuts off, which a worker issues. The slots of such a submission are left alone until it is done.
 */
function copied(requests: readonly Request[]): boolean {
  return requests.every(({ kind, async }, index) => {
    const linkedTo = index > 0 && requests[index - 1]?.link !== 'none';
    const cutOff = requests.slice(index).every(({ link }) => link !== 'none');
    return async || !PASSTHROUGH.includes(kind) || !(linkedTo || cutOff);
  });
}

/** A ring, the model of it, and the steps that are done to both. */
class Run implements Disposable {
  readonly #on: Surroundings;
  readonly #ring: TestRing;
  readonly #model: Model;
  readonly #forever: Memory;

  constructor(on: Surroundings, { shape, entries, cqEntries, flags }: Sequence) {
    this.#on = on;
    this.#ring = new TestRing(on.t.uapi, { shape, entries, cqEntries, flags });
    this.#model = new Model(shape, on.facts);
    this.#forever = ioMemory(on.t, 16);
    this.#forever.view.setBigInt64(0, 3600n, true);
  }

  #write({ kind, link, async }: Request, userData: number): void {
    const { char, controller, block, device, memory } = this.#on;
    const flags = [...LINKS[link], ...(async ? ['IOSQE_ASYNC'] : [])];
    const common = { flags, userData };
    // No two reads in flight share memory: what they bring is the same, but DMA debugging rightly frowns at it.
    const addr = memory.address + BigInt((userData % SLOTS) * device.blockSize);
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
    const { t } = this.#on;
    t.equal(this.#ring.submit(), count, 'SQEs taken');
    if (overwrite) new Uint8Array(this.#ring.sqes).fill(0xff);
    const { sqHead, sqTail } = this.#ring.indices();
    t.same([sqHead, sqTail], [this.#model.submitted, this.#model.submitted], 'SQ head and tail');
  }

  #take(cqes: readonly Cqe[]): void {
    const { t } = this.#on;
    for (const { tag, res, big } of cqes) {
      const expected = this.#model.take(tag);
      t.ok(expected, `completion ${tag} (${resultName(res)}) is not owed, or not yet`);
      const named = typeof expected?.res === 'string' ? resultName(res) : res;
      const wanted = typeof expected?.res === 'string' ? `-${expected.res}` : expected?.res;
      t.same([named, ...big], [wanted, expected?.extra, 0n], `res and extra words of completion ${tag}`);
    }
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'submit') {
      const tags = this.#model.submit(step.requests);
      step.requests.forEach((request, index) => {
        this.#write(request, tags[index] ?? 0);
      });
      const free = copied(step.requests);
      this.#submit(step.requests.length, step.overwrite && free);
      if (!free) this.#take(await this.#ring.wait(this.#model.owed));
    } else if (step.do === 'pend') {
      const addr = this.#forever.address;
      this.#ring.sqe({ opcode: 'IORING_OP_TIMEOUT', addr, len: 1, userData: this.#model.pend() });
      this.#submit(1);
    } else if (step.do === 'cancel') {
      const { tag, target } = this.#model.cancel(step.which);
      this.#ring.sqe({ opcode: 'IORING_OP_ASYNC_CANCEL', addr: BigInt(target), userData: tag });
      this.#submit(1);
    } else if (step.do === 'reap') this.#take(this.#ring.reap(step.count));
    else this.#take(await this.#ring.wait(this.#model.owed));
  }

  /** Cancels what waits, takes what is owed, and looks at the ring's own counts. */
  async settle(): Promise<void> {
    const { t } = this.#on;
    while (this.#model.pending > 0) await this.step({ do: 'cancel', which: 0 });
    this.#take(await this.#ring.wait(this.#model.owed));
    t.same(this.#ring.reap(), [], 'completions that nobody is owed');
    const { cqHead, cqTail, overflow } = this.#ring.indices();
    const all = this.#model.completed;
    t.same(
      { cqHead, cqTail, overflow },
      { cqHead: all, cqTail: all, overflow: 0 },
      'CQ head, tail, overflow',
    );
  }

  [Symbol.dispose](): void {
    this.#ring.close();
    this.#forever.release();
  }
}

/** Does a sequence to a new ring; throws AssertionError where ring and model part. */
export async function execute(on: Surroundings, sequence: Sequence): Promise<void> {
  using run = new Run(on, sequence);
  for (const step of sequence.steps) await run.step(step);
  if (!sequence.abandon) await run.settle();
}
