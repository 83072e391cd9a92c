import { z } from 'zod';

/** How the reason of a suite begins that skips everything, because no name of a test contains what `--only` asks for. */
export const NOT_SELECTED = 'no name of a test contains ';

/**
 * A request of the agent to the host: newline-delimited JSON over a TCP stream, apart from TAP. The guest connects to its
 * loopback (`RINGLAB_HOST_PORT`), from where SSH forwards the stream to the lab. Each request has one reply with the same id.
 */
export const HostRequest = z.object({
  id: z.number().int(),
  verb: z.enum(['ping', 'unplug', 'replug', 'throttle', 'console', 'mark']),
  args: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type HostRequest = z.infer<typeof HostRequest>;

/** The reply to a request. `ok: false` comes with an error. */
export const HostReply = z.object({
  id: z.number().int(),
  ok: z.boolean(),
  error: z.string().optional(),
  /** `console`: console text since the last `mark`; otherwise empty. */
  text: z.string().optional(),
});
export type HostReply = z.infer<typeof HostReply>;

/** A namespace of the guest, with what tests need to know of it. */
export const NamespaceInfo = z.object({
  /** Name by which suites request it: `data`, `shared`, `zoned`, `pi`, ... */
  role: z.string(),
  /**
   * Names of the controllers that it is attached to, one for each path: the serial number in `/sys/class/nvme/nvmeX/serial`, then,
   * for a controller on a hot-plug port, `@BUS:DEV.FN` of the port (`mp@00:10.0`), because QEMU gives all controllers of a
   * subsystem the same serial number. `unplug` and `replug` take these names.
   */
  controllerIds: z.array(z.string()),
  nsid: z.number().int(),
  blockSize: z.number().int(),
  sizeBytes: z.number().int(),
  /** Bytes of metadata per block, 0 without metadata. */
  metadataBytes: z.number().int(),
  /** Protection information type, 0 without protection. */
  piType: z.number().int(),
  zoned: z.boolean(),
  /** Largest transfer of one command, bytes; 0: no limit known. */
  maxTransferBytes: z.number().int(),
  /** Id of the drive, for `throttle`. */
  drive: z.string(),
});
export type NamespaceInfo = z.infer<typeof NamespaceInfo>;

/**
 * What a test's failure means for a series by others. `contract`: the interface and semantics that were proposed; `objection`: what reviewers
 * demanded; `safety`: no corruption, leak, crash or hang, whatever the interface; `choice`: what this project's series decided where the
 * proposal is silent.
 */
export const TestClass = z.enum(['contract', 'objection', 'safety', 'choice']);
export type TestClass = z.infer<typeof TestClass>;

/** `cell.json`, pushed with the agent: the tests to run, and the guest that they run in. */
export const CellFile = z.object({
  suite: z.string(),
  guest: z.string(),
  kernel: z.string(),
  /** Run only tests whose name contains one of these; empty: all. */
  only: z.array(z.string()),
  /** Exact names of the tests that are still to run; absent: all. */
  tests: z.array(z.string()).optional(),
  /** Of the selected tests run each `of`th, beginning with number `at`, from 1: other guests take the rest. */
  shard: z.object({ at: z.number().int().min(1), of: z.number().int().min(2) }).optional(),
  /** Run only the first of the selected tests: end after this many that were not skipped. */
  most: z.number().int().min(1).optional(),
  seed: z.number().int(),
  /** Deadline of one test, ms. */
  testTimeoutMs: z.number().int(),
  /** The kernel has a series of this project, whose choices are asserted; those of others are only reported. */
  ownSeries: z.literal(true).optional(),
  /** The kernel has debug options, with which freed memory is not free at once. */
  debug: z.boolean().optional(),
  devices: z.array(NamespaceInfo),
  /** Facts of the guest: `pollQueues`, `vcpus`, `iommu`, `swiotlb`, `icount`, `kvm` ... */
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type CellFile = z.infer<typeof CellFile>;

/** A program of a folder that is one suite. */
export const GuestProgram = z.object({
  /** Name of its test: its path below the suite's folder. */
  name: z.string(),
  args: z.array(z.string()),
  timeoutMs: z.number().positive(),
  /** Convention of its exit code; absent where only TAP counts. */
  convention: z.enum(['kselftest', 'liburing', 'plain']).optional(),
  /** TAP outranks the exit code. */
  tapFirst: z.boolean(),
  /** Why it does not run. */
  skip: z.string().optional(),
  /** Why it is not run, by kernel release: `6.1` stands for 6.1 and its stable releases. */
  unsupported: z.record(z.string(), z.string()).optional(),
});
export type GuestProgram = z.infer<typeof GuestProgram>;

/** `programs.json` of a payload: what the runner in the guest is to run. */
export const ProgramList = z.object({
  env: z.record(z.string(), z.string()),
  programs: z.array(GuestProgram),
});
export type ProgramList = z.infer<typeof ProgramList>;
