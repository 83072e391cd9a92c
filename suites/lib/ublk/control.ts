import { constants } from 'node:fs';
import { File, Memory, SyscallError, type UapiTable } from '../base.ts';
import { Pump } from './pump.ts';
import { SECTOR } from './request.ts';

const COMMAND = 'ublksrv_ctrl_cmd';
const INFO = 'ublksrv_ctrl_dev_info';
const PARAMS = 'ublk_params';
const BASIC = 'ublk_param_basic';
/** `queue_id` of a command that concerns the whole device (struct ublksrv_ctrl_cmd). */
const NO_QUEUE = 0xffff;
/** `dev_id` with which the kernel chooses the number (ublk_ctrl_add_dev). */
const ANY_ID = 0xffff_ffff;
/** Size of the features (UBLK_FEATURES_LEN of linux/ublk_cmd.h), bytes. */
const FEATURES_BYTES = 8;

/** The fields of struct ublksrv_ctrl_dev_info that the server and its tests use. */
export interface DeviceInfo {
  id: number;
  queues: number;
  depth: number;
  /** UBLK_S_DEV_ number. */
  state: number;
  /** UBLK_F_ bits: those of the request without the ones that the kernel cleared. */
  flags: number;
  /** Largest request, bytes. */
  maxIo: number;
}

/** Parameters of a device (UBLK_U_CMD_SET_PARAMS, struct ublk_param_basic). */
export interface DeviceParams {
  /** Size of the device, bytes. */
  size: number;
  /** Logical block size, bytes: 512 or 4096. */
  blockSize: number;
  /** Largest request, bytes. */
  maxIo: number;
  /** UBLK_ATTR_ names. */
  attributes: readonly string[];
}

/**
 * /dev/ublk-control: one method for each command (Documentation/block/ublk.rst, "Control plane"). The kernel executes commands on
 * an io-wq worker, so a server on this event loop can answer the requests that a command waits for. All methods throw
 * SyscallError with the command's name.
 */
export class UblkControl implements Disposable {
  readonly #uapi: UapiTable;
  readonly #file: File;
  readonly #pump: Pump;

  constructor(uapi: UapiTable) {
    this.#uapi = uapi;
    this.#file = new File('/dev/ublk-control', constants.O_RDWR);
    this.#pump = new Pump(uapi, { shape: 'sqe128', entries: 8 });
  }

  /**
   * UBLK_U_CMD_ADD_DEV: creates /dev/ublkcN, with the number `id` or else the lowest that is free. The kernel may grant fewer queues (at
   * most one per CPU) and clear flags. Throws SyscallError EEXIST when the number is taken.
   */
  async add(params: {
    queues: number;
    depth: number;
    maxIo: number;
    flags: number;
    id?: number;
  }): Promise<DeviceInfo> {
    const { id = ANY_ID } = params;
    using memory = new Memory(this.#uapi.size(INFO));
    this.#uapi.write(memory.view, INFO, {
      ...{ nr_hw_queues: params.queues, queue_depth: params.depth, flags: params.flags },
      ...{ max_io_buf_bytes: params.maxIo, dev_id: id },
    });
    await this.#command('UBLK_U_CMD_ADD_DEV', id, memory);
    return this.#decode(memory.view);
  }

  /** UBLK_U_CMD_GET_DEV_INFO. Throws SyscallError ENODEV when the device does not exist. */
  async info(id: number): Promise<DeviceInfo> {
    using memory = new Memory(this.#uapi.size(INFO));
    await this.#command('UBLK_U_CMD_GET_DEV_INFO', id, memory);
    return this.#decode(memory.view);
  }

  /** UBLK_U_CMD_GET_FEATURES (Linux 6.5): UBLK_F_ bits that the driver supports. */
  async features(): Promise<bigint> {
    using memory = new Memory(FEATURES_BYTES);
    await this.#command('UBLK_U_CMD_GET_FEATURES', ANY_ID, memory);
    return memory.view.getBigUint64(0, true);
  }

  /** UBLK_U_CMD_SET_PARAMS: required before `start`. */
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

  /**
   * UBLK_U_CMD_START_DEV: resolves when all queues have fetched and /dev/ublkbN exists. Its partition table has been read then, or, in newer
   * kernels, is going to be read (`partitionsRead`).
   */
  async start(id: number): Promise<void> {
    await this.#command('UBLK_U_CMD_START_DEV', id, undefined, process.pid);
  }

  /**
   * UBLK_U_CMD_START_USER_RECOVERY: prepares a quiesced device for another server. Resolves to false while the kernel refuses with
   * EBUSY: the previous server still has the device open, or the device is not quiesced yet.
   */
  async beginRecovery(id: number): Promise<boolean> {
    try {
      await this.#command('UBLK_U_CMD_START_USER_RECOVERY', id);
      return true;
    } catch (error) {
      if (error instanceof SyscallError && error.code === 'EBUSY') return false;
      throw error;
    }
  }

  /** UBLK_U_CMD_END_USER_RECOVERY: resolves when all queues have fetched; the kernel then requeues the requests. */
  async endRecovery(id: number): Promise<void> {
    await this.#command('UBLK_U_CMD_END_USER_RECOVERY', id, undefined, process.pid);
  }

  /** UBLK_U_CMD_STOP_DEV: resolves when the requests in flight have completed and /dev/ublkbN is gone. */
  async stop(id: number): Promise<void> {
    await this.#command('UBLK_U_CMD_STOP_DEV', id);
  }

  /**
   * UBLK_U_CMD_DEL_DEV: stops the device if it is live and removes /dev/ublkcN. Resolves when the number is free again, that is when
   * the last file or mapping of /dev/ublkcN and of /dev/ublkbN is closed. `wait: false` resolves at once on kernels with
   * UBLK_U_CMD_DEL_DEV_ASYNC (Linux 6.9).
   */
  async delete(id: number, { wait = true } = {}): Promise<void> {
    const async = !wait && this.#uapi.has('UBLK_U_CMD_DEL_DEV_ASYNC');
    await this.#command(async ? 'UBLK_U_CMD_DEL_DEV_ASYNC' : 'UBLK_U_CMD_DEL_DEV', id);
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
    const { res } = await this.#pump.execute({
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

/** Deletes a device if it still exists, without waiting until its number is free. Throws SyscallError other than ENODEV. */
export async function deleteIfPresent(control: UblkControl, id: number): Promise<void> {
  try {
    await control.delete(id, { wait: false });
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== 'ENODEV') throw error;
  }
}
