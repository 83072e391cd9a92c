import type { File } from '../binding/index.ts';
import { commandFields, type NvmeCommand } from './sqe.ts';
import type { UapiTable } from './uapi.ts';

const STRUCT = 'nvme_passthru_cmd64';

/**
 * The synchronous way, for reference: one command by ioctl (default NVME_IOCTL_IO64_CMD). `status` is 0 or the NVMe status,
 * `result` the completion's first two words. Throws SyscallError.
 */
export function ioctlCommand(
  uapi: UapiTable,
  file: File,
  command: NvmeCommand,
  request = 'NVME_IOCTL_IO64_CMD',
): { status: number; result: bigint } {
  const view = new DataView(new ArrayBuffer(uapi.size(STRUCT)));
  uapi.write(view, STRUCT, commandFields(command));
  const status = file.ioctl(uapi.constant(request), view);
  return { status, result: view.getBigUint64(uapi.field(STRUCT, 'result').offset, true) };
}
