import {
  fillPattern,
  ioMemory,
  type Memory,
  type NvmeCommand,
  nvme,
  suite,
  type Test,
  test,
  until,
} from '../lib/index.ts';
import { allocateSpan, eachPathFaulty, type Fixture, failOnce, openFixture, WITH_METADATA } from './setup.ts';

const { hostPathError } = nvme.Status;

/** A command, and the buffers that it reads or writes. */
interface MetadataTransfer {
  data: Memory;
  metadata: Memory;
  command: NvmeCommand;
}

/** A transfer with a metadata buffer. PRACT and PRCHK are 0: metadata goes to the medium and back unchanged and unchecked. */
function transferWithMetadata(
  t: Test,
  { device }: Fixture,
  kind: 'read' | 'write',
  where: nvme.Span,
  seed: number,
): MetadataTransfer {
  const data = ioMemory(t, where.blocks * device.blockSize, seed);
  const metadata = ioMemory(t, where.blocks * device.info.metadataBytes, seed + 1);
  return { data, metadata, command: nvme.transfer(kind, device, where, data, { metadata }) };
}

suite('metadata', { devices: [WITH_METADATA], class: 'contract' }, () => {
  test('a write with metadata that fails with a path error writes data and metadata on the other path', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { char, ring } = fixture;
    const rounds: { where: nvme.Span; written: MetadataTransfer }[] = [];
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      // A span for each round: the round that meets no fault must not write again what the faulty round got wrong.
      const where = allocateSpan(fixture.device, fixture.device.atMost(32));
      const written = transferWithMetadata(t, fixture, 'write', where, 130 + 2 * rounds.length);
      const { res } = await ring.execute({ fd: char.fd, command: written.command });
      t.equal(res, 0, `CQE res of the write while ${name} fails`);
      rounds.push({ where, written });
    });
    for (const [index, { where, written }] of rounds.entries()) {
      const read = transferWithMetadata(t, fixture, 'read', where, 140);
      const { res } = await ring.execute({ fd: char.fd, command: read.command });
      t.equal(res, 0, `CQE res of the read without a fault, round ${index}`);
      t.bytes(read.data.bytes, written.data.bytes, `data written in round ${index}`);
      t.bytes(read.metadata.bytes, written.metadata.bytes, `metadata written in round ${index}`);
    }
  });

  test('a read with metadata that fails with a path error reads data and metadata on the other path', async (t) => {
    // A DEFER_TASKRUN ring retries nothing before the test asks for completions.
    const deferred = ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'];
    const fixture = await openFixture(t, WITH_METADATA, { flags: deferred });
    const { char, ring } = fixture;
    const where = allocateSpan(fixture.device, fixture.device.atMost(32));
    const written = transferWithMetadata(t, fixture, 'write', where, 150);
    const write = await ring.execute({ fd: char.fd, command: written.command });
    t.equal(write.res, 0, 'CQE res of the write without a fault');
    const read = transferWithMetadata(t, fixture, 'read', where, 152);
    const faults = failOnce(t, fixture, hostPathError);
    ring.passthrough({ fd: char.fd, command: read.command });
    t.equal(ring.submit(), 1, 'SQEs submitted of the read');
    await until('the first attempt has failed', () => faults.some(({ left }) => left === 0));
    for (const fault of faults) fault[Symbol.dispose]();
    // A fault is injected after the transfer: the buffers must not still hold what the failed attempt read.
    fillPattern(read.data.bytes, 154);
    fillPattern(read.metadata.bytes, 155);
    t.equal((await ring.wait(1))[0]?.res, 0, 'CQE res of the retried read');
    t.bytes(read.data.bytes, written.data.bytes, 'data read at the second attempt');
    t.bytes(read.metadata.bytes, written.metadata.bytes, 'metadata read at the second attempt');
  });
});
