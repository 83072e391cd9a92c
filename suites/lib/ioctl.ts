import type { File } from '../binding/index.ts';
import { checkIovecs, commandFields, type NvmeCommand } from './sqe.ts';
import type { UapiTable } from './uapi.ts';

const STRUCT = 'nvme_passthru_cmd64';

/**
 * Executes one NVMe command by ioctl (`request`, default NVME_IOCTL_IO64_CMD): the synchronous counterpart of passthrough, and what
 * its results are compared with. `status` is 0 or the NVMe status, `result` the first two words of the completion. Throws
 * SyscallError when the kernel refuses the command, SkipError when it does not have the ioctl.
 */
export function ioctlCommand(
  uapi: UapiTable,
  file: File,
  command: NvmeCommand,
  request = 'NVME_IOCTL_IO64_CMD',
): { status: number; result: bigint } {
  checkIovecs(command, request);
  const view = new DataView(new ArrayBuffer(uapi.size(STRUCT)));
  uapi.write(view, STRUCT, commandFields(command));
  const status = file.ioctl(uapi.constant(request), view);
  return { status, result: view.getBigUint64(uapi.field(STRUCT, 'result').offset, true) };
}
