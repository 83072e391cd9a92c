import { ioMemory, type Memory, nvme, Prinfo, protect, type Test, TUPLE_BYTES } from '../lib/index.ts';
import type { Fixture } from './setup.ts';

/** The application tag of all tuples that `protectedData` writes. */
export const APPLICATION_TAG = 0x4d5a;
/** PRINFO bits that make the device check all three tags. */
export const CHECK_ALL = Prinfo.guard | Prinfo.applicationTag | Prinfo.referenceTag;

/** Data and metadata of one transfer. */
export interface Buffers {
  data: Memory;
  metadata: Memory;
}

/** A pattern of data, and metadata with the correct tuples for these blocks. */
export function protectedData(t: Test, { device }: Fixture, span: nvme.Span, seed: number): Buffers {
  if (device.metadataBytes !== TUPLE_BYTES)
    t.skip(`the namespace has ${device.metadataBytes} bytes of metadata, more than the tuple`);
  const data = ioMemory(t, span.blocks * device.blockSize, seed);
  const metadata = ioMemory(t, span.blocks * TUPLE_BYTES);
  protect(data.bytes, metadata, span, APPLICATION_TAG);
  return { data, metadata };
}

/** Buffers to read into, filled with a pattern so that they do not share the zero page: see metadata.ts. */
export function readBuffers(t: Test, { device }: Fixture, { blocks }: nvme.Span): Buffers {
  return { data: ioMemory(t, blocks * device.blockSize, 1), metadata: ioMemory(t, blocks * TUPLE_BYTES, 2) };
}

/** CQE res of a transfer with metadata. `checks` (bits of Prinfo): which tags the device compares with the correct ones. */
export async function transfer(
  fixture: Fixture,
  kind: 'read' | 'write',
  span: nvme.Span,
  { data, metadata }: Buffers,
  checks = CHECK_ALL,
): Promise<number> {
  const { device, char, ring } = fixture;
  const command = nvme.transfer(kind, device, span, data, { metadata, prinfo: checks });
  const tags = {
    cdw14: Number(BigInt(span.lba) & 0xffffffffn),
    cdw15: ((0xffff << 16) | APPLICATION_TAG) >>> 0,
  };
  const cqe = await ring.execute({ fd: char.fd, command: { ...command, ...tags } });
  return cqe.res;
}
