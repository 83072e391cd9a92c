import { z } from 'zod';

/**
 * What host and agent say to each other besides TAP. Newline-delimited JSON over a TCP stream that the guest opens to its own
 * loopback and SSH carries to the lab (`RINGLAB_HELP_PORT`). One request, one reply with the same id.
 */
export const HelpRequest = z.object({
  id: z.number().int(),
  verb: z.enum(['hello', 'unplug', 'replug', 'throttle', 'console', 'mark']),
  args: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type HelpRequest = z.infer<typeof HelpRequest>;

export const HelpReply = z.object({
  id: z.number().int(),
  ok: z.boolean(),
  error: z.string().optional(),
  /** `console`: console text since the last `mark`; otherwise empty. */
  text: z.string().optional(),
});
export type HelpReply = z.infer<typeof HelpReply>;

/** A namespace that the guest has, described by what it is for. */
export const DeviceRole = z.object({
  /** `data`, `shared`, `zoned`, `pi`, ...: what suites ask for. */
  role: z.string(),
  /** Serial number of the controller(s) that carry it, as `/sys/class/nvme/nvmeX/serial` says; one for each path. */
  serials: z.array(z.string()),
  nsid: z.number().int(),
  blockSize: z.number().int(),
  sizeBytes: z.number().int(),
  /** Bytes of metadata a block, 0 without. */
  metadataBytes: z.number().int(),
  /** Protection information type, 0 without. */
  piType: z.number().int(),
  zoned: z.boolean(),
  /** Largest transfer in bytes, 0 = no limit known. */
  maxTransferBytes: z.number().int(),
  /** Block-drive id that `throttle` takes. */
  drive: z.string(),
});
export type DeviceRole = z.infer<typeof DeviceRole>;

/** `cell.json`, pushed beside the agent: what it is to run and on what. */
export const CellFile = z.object({
  suite: z.string(),
  guest: z.string(),
  kernel: z.string(),
  /** Run only tests whose name contains one of these; empty = all. */
  only: z.array(z.string()),
  seed: z.number().int(),
  /** Deadline of one test, ms. */
  testTimeoutMs: z.number().int(),
  devices: z.array(DeviceRole),
  /** Facts of the guest: `pollQueues`, `vcpus`, `iommu`, `swiotlb`, `icount`, `kvm` ... */
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type CellFile = z.infer<typeof CellFile>;
