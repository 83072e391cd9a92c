import {
  ioMemory,
  type Memory,
  numbers,
  nvme,
  pattern,
  suite,
  type Test,
  test,
  throttled,
} from '../lib/index.ts';
import { allPaths } from './paths.ts';
import { useOnePath, useRoundRobin } from './policy.ts';
import {
  allocateSpan,
  allSucceeded,
  type Fixture,
  onMedium,
  openFixture,
  resultsByTag,
  SHARED,
} from './setup.ts';
import { unplugged } from './unplug.ts';

/** Commands in flight together, each in a separate strip. */
const SLOTS = 16;
/** Blocks of a strip. */
const STRIP = 64;

interface Transfer {
  kind: 'read' | 'write';
  memory: Memory;
  start: number;
  blocks: number;
}

/** Rounds of reads and writes of random position and length in an area whose content is known. */
class Load {
  readonly #t: Test;
  readonly #fixture: Fixture;
  readonly #where: nvme.Span;
  readonly #next: (limit: number) => number;
  readonly #buffers: Memory[];
  /** What the area holds once the transfers in flight have completed. */
  readonly #content: Uint8Array;
  #inFlight: Transfer[] = [];
  rounds = 0;

  constructor(t: Test, fixture: Fixture) {
    const { blockSize } = fixture.device;
    this.#t = t;
    this.#fixture = fixture;
    this.#where = allocateSpan(fixture.device, SLOTS * STRIP);
    this.#next = numbers(t.lab.cell.seed);
    this.#buffers = Array.from({ length: SLOTS }, () => ioMemory(t, STRIP * blockSize));
    this.#content = new Uint8Array(this.#where.blocks * blockSize);
  }

  /** Zeroes the area. */
  async prepare(): Promise<void> {
    const { device, char, ring } = this.#fixture;
    const { res } = await ring.execute({ fd: char.fd, command: nvme.writeZeroes(device, this.#where) });
    this.#t.equal(res, 0, 'CQE res of Write Zeroes before the load');
  }

  #choose(memory: Memory, slot: number): Transfer {
    const next = this.#next;
    const blocks = 1 + next(this.#fixture.device.atMost(STRIP));
    const start = slot * STRIP + next(STRIP - blocks + 1);
    return { memory, start, blocks, kind: next(2) === 0 ? 'read' : 'write' };
  }

  /** Submits the transfers of a round, one for each strip. */
  begin(): void {
    const { device, char, ring } = this.#fixture;
    this.#inFlight = this.#buffers.map((memory, slot) => this.#choose(memory, slot));
    this.#inFlight.forEach(({ kind, memory, start, blocks }, slot) => {
      const part = memory.bytes.subarray(0, blocks * device.blockSize);
      part.set(pattern(part.length, this.#next(1 << 30)));
      if (kind === 'write') this.#content.set(part, start * device.blockSize);
      const lba = Number(this.#where.lba) + start;
      const command = nvme.transfer(kind, device, { lba, blocks }, memory);
      ring.passthrough({ fd: char.fd, command, userData: slot });
    });
    ring.submit();
  }

  /** Waits for the transfers of a round and checks their results and what was read. */
  async end(): Promise<void> {
    const { device, ring } = this.#fixture;
    const round = this.rounds++;
    const cqes = await ring.wait(SLOTS, { timeoutMs: 20_000 });
    this.#t.same(resultsByTag(cqes), allSucceeded(SLOTS), `results by slot in round ${round}`);
    for (const { kind, memory, start, blocks } of this.#inFlight) {
      if (kind === 'write') continue;
      const expected = this.#content.subarray(start * device.blockSize, (start + blocks) * device.blockSize);
      const data = memory.bytes.subarray(0, expected.length);
      this.#t.bytes(data, expected, `data read from block ${start} in round ${round}`);
    }
  }

  /** Whole rounds, one at least, until `work` is done; resolves with its result. */
  async during<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const settle = () => {
      over = true;
    };
    void work.then(settle, settle);
    try {
      do {
        this.begin();
        await this.end();
      } while (!over);
    } finally {
      // Also when a round fails: the test must not end before the guest has its controllers back.
      await work;
    }
    return work;
  }

  /** Checks the whole area. */
  check(): void {
    const { device } = this.#fixture;
    const message = 'data on the medium after the load';
    this.#t.bytes(onMedium(this.#t, device, this.#where), this.#content, message);
  }
}

suite('under load', { devices: [SHARED], class: 'safety' }, () => {
  test('reads return what was last written while each controller is unplugged and replugged', {
    timeoutMs: 60_000,
  }, async (t) => {
    const fixture = await openFixture(t);
    const { device } = fixture;
    const load = new Load(t, fixture);
    await load.prepare();
    let { paths } = fixture;
    for (let count = 0; count < 2; count++) {
      // Slow and on one path, so that its controller has commands in flight when it is unplugged.
      const used = useOnePath(t, device, paths);
      const { lift } = await throttled(t, device, 1);
      load.begin();
      const { replug } = await unplugged(t, device, used);
      useRoundRobin(t);
      await lift();
      await load.end();
      // The kernel removes the controller and adds it again meanwhile.
      paths = await load.during(replug().then(() => allPaths(t, device)));
    }
    t.note(`${load.rounds * SLOTS} commands`);
    load.check();
  });
});
