import { ioMemory, nvme, type Test } from '../lib/index.ts';
import type { Fixture } from './setup.ts';

/** Zone send actions, ZNS Command Set 1.1 figure 41. */
export const ZoneAction = { finish: 2, open: 3, reset: 4 } as const;
/** Values of `nvme.Zone.state`. */
export const ZoneState = { empty: 1, implicitlyOpen: 2, explicitlyOpen: 3, full: 14 } as const;

let nextZone = 0;

/** The first `count` zones from the zone of `lba` on. Throws AssertionError if the report fails. */
export async function reportZones(t: Test, { device, char, ring }: Fixture, lba: bigint, count: number) {
  const memory = ioMemory(t, 64 * (count + 1));
  const cqe = await ring.execute({ fd: char.fd, command: nvme.zoneReport(device, lba, memory) });
  t.equal(cqe.res, 0, `CQE res of the zone report from block ${lba}`);
  // The header counts all zones from `lba` to the end of the namespace, but the memory holds only `count` descriptors.
  memory.view.setBigUint64(0, BigInt(count), true);
  return nvme.zonesOf(memory);
}

/**
 * Resets the next zone in turn, so that tests use different zones while there are enough. Returns its first block, its size in
 * blocks, and `zone()`, which reports it anew. Throws AssertionError if the zone is not empty after the reset.
 */
export async function emptyZone(t: Test, fixture: Fixture) {
  const { device, char, ring } = fixture;
  const [first] = await reportZones(t, fixture, 0n, 1);
  if (!first) throw new Error(`${device.name} reports no zone`);
  const size = first.capacity;
  const count = BigInt(device.blocks) / size;
  const start = (BigInt(nextZone++) % count) * size;
  const { res } = await ring.execute({
    fd: char.fd,
    command: nvme.zoneSend(device, start, ZoneAction.reset),
  });
  t.equal(res, 0, `CQE res of the reset of the zone at block ${start}`);
  const zone = async () => (await reportZones(t, fixture, start, 1))[0];
  t.same(
    await zone(),
    { start, capacity: size, writePointer: start, state: ZoneState.empty },
    `zone at block ${start} after its reset`,
  );
  return { start, size, zone };
}
