import { z } from 'zod';

/**
 * What host and agent say to each other besides TAP. Newline-delimited JSON over a TCP stream that the guest opens to its own
 * loopback and SSH carries to the lab (`RINGLAB_HOST_PORT`). One request, one reply with the same id.
 */
export const HostRequest = z.object({
  id: z.number().int(),
  verb: z.enum(['hello', 'unplug', 'replug', 'throttle', 'console', 'mark']),
  args: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type HostRequest = z.infer<typeof HostRequest>;

export const HostReply = z.object({
  id: z.number().int(),
  ok: z.boolean(),
  error: z.string().optional(),
  /** `console`: console text since the last `mark`; otherwise empty. */
  text: z.string().optional(),
});
export type HostReply = z.infer<typeof HostReply>;

/** A namespace that the guest has, described by what it is for. */
export const NamespaceInfo = z.object({
  /** `data`, `shared`, `zoned`, `pi`, ...: what suites ask for. */
  role: z.string(),
  /**
   * Names of the controllers that carry it, one for each path: the serial number as `/sys/class/nvme/nvmeX/serial` says, with
   * `@BUS:DEV.FN` of its hot-plug port behind it where there is one, since QEMU gives all controllers of a subsystem one serial
   * number (`mp@00:10.0`). `unplug` and `replug` take them whole.
   */
  controllerIds: z.array(z.string()),
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
export type NamespaceInfo = z.infer<typeof NamespaceInfo>;

/** `cell.json`, pushed beside the agent: what it is to run and on what. */
export const CellFile = z.object({
  suite: z.string(),
  guest: z.string(),
  kernel: z.string(),
  /** Run only tests whose name contains one of these; empty = all. */
  only: z.array(z.string()),
  /** Exact names of the tests that are still to run; absent: all. */
  tests: z.array(z.string()).optional(),
  seed: z.number().int(),
  /** Deadline of one test, ms. */
  testTimeoutMs: z.number().int(),
  devices: z.array(NamespaceInfo),
  /** Facts of the guest: `pollQueues`, `vcpus`, `iommu`, `swiotlb`, `icount`, `kvm` ... */
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type CellFile = z.infer<typeof CellFile>;
