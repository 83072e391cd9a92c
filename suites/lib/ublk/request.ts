import type { UapiTable } from '../index.ts';

/** ublk counts in sectors of this many bytes, whatever the logical block (include/linux/blk_types.h, SECTOR_SIZE). */
export const SECTOR = 512;

/** A block request as the server gets it: struct ublksrv_io_desc, in bytes. */
export interface BlockRequest {
  queue: number;
  tag: number;
  kind: 'read' | 'write' | 'flush' | 'other';
  /** UBLK_IO_OP_ number. */
  op: number;
  /** UBLK_IO_F_FUA: the data has to be on stable storage before the answer. */
  fua: boolean;
  /** Place on the device, bytes; 0 for a flush. */
  offset: number;
  /** Bytes; 0 for a flush. */
  length: number;
}

const DESCRIPTOR = 'ublksrv_io_desc';

/** How the kernel under test lays requests out. */
export class RequestLayout {
  readonly descriptorSize: number;
  readonly #at: { op: number; sectors: number; start: number };
  readonly #kinds: ReadonlyMap<number, BlockRequest['kind']>;
  readonly #fua: number;
  readonly #buffers: { base: number; queue: number; tag: number };

  constructor(uapi: UapiTable) {
    const at = (field: string) => uapi.field(DESCRIPTOR, field).offset;
    this.descriptorSize = uapi.size(DESCRIPTOR);
    this.#at = { op: at('op_flags'), sectors: at('nr_sectors'), start: at('start_sector') };
    this.#kinds = new Map([
      [uapi.constant('UBLK_IO_OP_READ'), 'read'],
      [uapi.constant('UBLK_IO_OP_WRITE'), 'write'],
      [uapi.constant('UBLK_IO_OP_FLUSH'), 'flush'],
    ]);
    this.#fua = uapi.constant('UBLK_IO_F_FUA');
    this.#buffers = {
      base: uapi.constant('UBLKSRV_IO_BUF_OFFSET'),
      queue: 2 ** uapi.constant('UBLK_QID_OFF'),
      tag: 2 ** uapi.constant('UBLK_TAG_OFF'),
    };
  }

  /** Reads the descriptor of a tag from its queue's array. */
  decode(array: DataView, queue: number, tag: number): BlockRequest {
    const at = tag * this.descriptorSize;
    const flags = array.getUint32(at + this.#at.op, true);
    const op = flags & 0xff;
    const kind = this.#kinds.get(op) ?? 'other';
    const fua = (flags & this.#fua) !== 0;
    // A flush has no place: what the kernel says there means nothing.
    if (kind === 'flush') return { queue, tag, kind, op, fua, offset: 0, length: 0 };
    const offset = Number(array.getBigUint64(at + this.#at.start, true)) * SECTOR;
    const length = array.getUint32(at + this.#at.sectors, true) * SECTOR;
    return { queue, tag, kind, op, fua, offset, length };
  }

  /** Where in the server's character device the data of a request is, for pread and pwrite (UBLK_F_USER_COPY). */
  position({ queue, tag }: Pick<BlockRequest, 'queue' | 'tag'>, offset = 0): number {
    // No bit operations: the queue's number begins above the 32nd bit.
    return this.#buffers.base + queue * this.#buffers.queue + tag * this.#buffers.tag + offset;
  }
}
