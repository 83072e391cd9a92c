import { constants } from 'node:fs';
import { File, Memory, SyscallError, type UapiTable } from '../index.ts';
import { Pump } from './pump.ts';
import { SECTOR } from './request.ts';

const COMMAND = 'ublksrv_ctrl_cmd';
const INFO = 'ublksrv_ctrl_dev_info';
const PARAMS = 'ublk_params';
const BASIC = 'ublk_param_basic';
/** `queue_id` of a command that is not for a queue (struct ublksrv_ctrl_cmd). */
const NO_QUEUE = 0xffff;
/** `dev_id` that lets the kernel choose (ublk_ctrl_add_dev). */
const ANY = 0xffff_ffff;

/** struct ublksrv_ctrl_dev_info, as far as it is used. */
export interface DeviceInfo {
  id: number;
  queues: number;
  depth: number;
  /** UBLK_S_DEV_ number. */
  state: number;
  /** What the kernel made of the UBLK_F_ bits asked for. */
  flags: number;
  /** Largest request, bytes. */
  maxIo: number;
}

export interface DeviceParams {
  /** Bytes. */
  size: number;
  /** 512 or 4096. */
  blockSize: number;
  /** Largest request, bytes. */
  maxIo: number;
  /** UBLK_ATTR_ names. */
  attributes: readonly string[];
}

/**
 * /dev/ublk-control: one call for each command (Documentation/block/ublk.rst, "Control plane"). The kernel executes them on a
 * worker, so that the event loop goes on, and a server in this process can answer what they wait for. All throw SyscallError.
 */
export class Control implements Disposable {
  readonly #uapi: UapiTable;
  readonly #file: File;
  readonly #pump: Pump;

  constructor(uapi: UapiTable) {
    this.#uapi = uapi;
    this.#file = new File('/dev/ublk-control', constants.O_RDWR);
    this.#pump = new Pump(uapi, { shape: 'sqe128', entries: 8 });
  }

  /** UBLK_U_CMD_ADD_DEV: makes /dev/ublkcN. The kernel may give fewer queues (one a CPU) and clear flags. */
  async add(wanted: { queues: number; depth: number; maxIo: number; flags: number }): Promise<DeviceInfo> {
    using memory = new Memory(this.#uapi.size(INFO));
    this.#uapi.write(memory.view, INFO, {
      ...{ nr_hw_queues: wanted.queues, queue_depth: wanted.depth, flags: wanted.flags },
      ...{ max_io_buf_bytes: wanted.maxIo, dev_id: ANY },
    });
    await this.#command('UBLK_U_CMD_ADD_DEV', ANY, memory);
    return this.#decode(memory.view);
  }

  async info(id: number): Promise<DeviceInfo> {
    using memory = new Memory(this.#uapi.size(INFO));
    await this.#command('UBLK_U_CMD_GET_DEV_INFO', id, memory);
    return this.#decode(memory.view);
  }

  async setParams(id: number, params: DeviceParams): Promise<void> {
    using memory = new Memory(this.#uapi.size(PARAMS));
    const shift = Math.log2(params.blockSize);
    this.#uapi.write(memory.view, PARAMS, {
      len: this.#uapi.size(PARAMS),
      types: this.#uapi.constant('UBLK_PARAM_TYPE_BASIC'),
    });
    const basic = {
      ...{ logical_bs_shift: shift, physical_bs_shift: shift, io_opt_shift: shift, io_min_shift: shift },
      ...{ attrs: this.#uapi.bits(...params.attributes), max_sectors: params.maxIo / SECTOR },
      ...{ dev_sectors: params.size / SECTOR },
    };
    this.#uapi.write(memory.view, BASIC, basic, this.#uapi.field(PARAMS, 'basic').offset);
    await this.#command('UBLK_U_CMD_SET_PARAMS', id, memory);
  }

  /** Ends when all queues have fetched and /dev/ublkbN is there, its partition table read. */
  async start(id: number): Promise<void> {
    await this.#command('UBLK_U_CMD_START_DEV', id, undefined, process.pid);
  }

  /** Makes a quiesced device ready for another server; false while the one that died still has it open, or it is not quiesced yet. */
  async beginRecovery(id: number): Promise<boolean> {
    try {
      await this.#command('UBLK_U_CMD_START_USER_RECOVERY', id);
      return true;
    } catch (error) {
      if (error instanceof SyscallError && error.code === 'EBUSY') return false;
      throw error;
    }
  }

  /** Ends when all queues have fetched: requests are asked for again. */
  async endRecovery(id: number): Promise<void> {
    await this.#command('UBLK_U_CMD_END_USER_RECOVERY', id, undefined, process.pid);
  }

  /** Ends when /dev/ublkbN is gone: what is under way is waited for. */
  async stop(id: number): Promise<void> {
    await this.#command('UBLK_U_CMD_STOP_DEV', id);
  }

  /**
   * Stops it if need be and removes /dev/ublkcN. Ends when the number is free again: nobody has /dev/ublkcN open or mapped, nor
   * /dev/ublkbN. `wait: false` ends at once, where the kernel can (Linux 6.9).
   */
  async delete(id: number, { wait = true } = {}): Promise<void> {
    const atOnce = !wait && this.#uapi.has('UBLK_U_CMD_DEL_DEV_ASYNC');
    await this.#command(atOnce ? 'UBLK_U_CMD_DEL_DEV_ASYNC' : 'UBLK_U_CMD_DEL_DEV', id);
  }

  #decode(view: DataView): DeviceInfo {
    const at = (field: string) => this.#uapi.field(INFO, field).offset;
    return {
      id: view.getUint32(at('dev_id'), true),
      queues: view.getUint16(at('nr_hw_queues'), true),
      depth: view.getUint16(at('queue_depth'), true),
      state: view.getUint16(at('state'), true),
      flags: Number(view.getBigUint64(at('flags'), true)),
      maxIo: view.getUint32(at('max_io_buf_bytes'), true),
    };
  }

  async #command(name: string, id: number, memory?: Memory, data = 0): Promise<void> {
    const values = { dev_id: id, queue_id: NO_QUEUE, addr: memory?.address, len: memory?.length, data };
    const { res } = await this.#pump.one({
      opcode: 'IORING_OP_URING_CMD',
      fd: this.#file.fd,
      more: { cmd_op: this.#uapi.constant(name) },
      command: { struct: COMMAND, values },
    });
    if (res < 0) throw new SyscallError(-res, name);
  }

  [Symbol.dispose](): void {
    this.#pump.close();
    this.#file.close();
  }
}

/** Deletes a device that may be gone already; its number is free when those who still have it open have closed it. */
export async function deleteIfThere(control: Control, id: number): Promise<void> {
  try {
    await control.delete(id, { wait: false });
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== 'ENODEV') throw error;
  }
}
