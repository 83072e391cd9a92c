import { integer } from '../../binding/index.ts';
import type { UapiTable } from '../base.ts';

/** Bytes in a sector, the unit of ublk whatever the logical block size is (include/linux/blk_types.h, SECTOR_SIZE). */
export const SECTOR = 512;

/** A block request as the server receives it: struct ublksrv_io_desc with sectors converted to bytes. */
export interface BlockRequest {
  queue: number;
  tag: number;
  kind: 'read' | 'write' | 'flush' | 'other';
  /** UBLK_IO_OP_ number. */
  op: number;
  /** UBLK_IO_F_FUA: the data must be on stable storage before the server commits. */
  fua: boolean;
  /** Offset on the device, bytes; 0 for a flush. */
  offset: number;
  /** Length, bytes; 0 for a flush. */
  length: number;
}

const DESCRIPTOR = 'ublksrv_io_desc';

/** Layout of request descriptors and of the data offsets in /dev/ublkcN, from the headers of the kernel under test. */
export class RequestLayout {
  readonly descriptorSize: number;
  readonly #fields: { op: number; sectors: number; start: number };
  readonly #kinds: ReadonlyMap<number, BlockRequest['kind']>;
  readonly #fua: number;
  readonly #strides: { base: number; queue: number; tag: number };

  constructor(uapi: UapiTable) {
    const at = (field: string) => uapi.field(DESCRIPTOR, field).offset;
    this.descriptorSize = uapi.size(DESCRIPTOR);
    this.#fields = { op: at('op_flags'), sectors: at('nr_sectors'), start: at('start_sector') };
    this.#kinds = new Map([
      [uapi.constant('UBLK_IO_OP_READ'), 'read'],
      [uapi.constant('UBLK_IO_OP_WRITE'), 'write'],
      [uapi.constant('UBLK_IO_OP_FLUSH'), 'flush'],
    ]);
    this.#fua = uapi.constant('UBLK_IO_F_FUA');
    this.#strides = {
      base: uapi.constant('UBLKSRV_IO_BUF_OFFSET'),
      queue: 2 ** uapi.constant('UBLK_QID_OFF'),
      tag: 2 ** uapi.constant('UBLK_TAG_OFF'),
    };
  }

  /** Decodes the descriptor of a tag from the descriptor array of its queue. */
  decode(descriptors: DataView, queue: number, tag: number): BlockRequest {
    const base = tag * this.descriptorSize;
    const flags = descriptors.getUint32(base + this.#fields.op, true);
    const op = flags & 0xff;
    const kind = this.#kinds.get(op) ?? 'other';
    const fua = (flags & this.#fua) !== 0;
    // A flush has no range: start_sector is whatever position the block layer's flush request has (ublk_setup_iod).
    if (kind === 'flush') return { queue, tag, kind, op, fua, offset: 0, length: 0 };
    const offset = Number(descriptors.getBigUint64(base + this.#fields.start, true)) * SECTOR;
    const length = descriptors.getUint32(base + this.#fields.sectors, true) * SECTOR;
    return { queue, tag, kind, op, fua, offset, length };
  }

  /**
   * Position in /dev/ublkcN of byte `offset` of a request's data, for pread and pwrite (UBLK_F_USER_COPY). Throws RangeError for an
   * offset that is the position of another request.
   */
  position({ queue, tag }: Pick<BlockRequest, 'queue' | 'tag'>, offset = 0): number {
    integer('offset in the data of a request', offset, 0, this.#strides.tag - 1);
    // Multiplied, not shifted: the queue's number lies above bit 32.
    return this.#strides.base + queue * this.#strides.queue + tag * this.#strides.tag + offset;
  }
}
