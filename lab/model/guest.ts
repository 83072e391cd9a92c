import { z } from 'zod';

const Namespace = z
  .object({
    /** Name by which suites request it: `data`, `shared`, `zoned`, `pi`. */
    role: z.string().regex(/^[a-z][a-z0-9-]*$/),
    sizeMiB: z.number().int().min(1).default(256),
    blockSize: z.union([z.literal(512), z.literal(4096)]).default(512),
    /** Attached to every controller of its subsystem. */
    shared: z.boolean().default(false),
    metadata: z
      .object({ bytes: z.number().int(), pi: z.number().int().min(0).max(3) })
      .strict()
      .optional(),
    zoned: z
      .object({ zoneSizeMiB: z.number().int(), maxOpen: z.number().int().default(0) })
      .strict()
      .optional(),
  })
  .strict();

const Controller = z
  .object({
    serial: z.string().regex(/^[A-Za-z0-9-]{1,20}$/),
    /** On a pcie-root-port, so that it can be unplugged and plugged in again. */
    hotplug: z.boolean().default(false),
    /** Maximum transfer, as a power of two of 4 KiB pages; 0 = no limit. QEMU's default is 7 (512 KiB). */
    mdts: z.number().int().min(0).default(7),
    ioQueuePairs: z.number().int().min(1).default(8),
  })
  .strict();

/** An NVMe subsystem: every controller has the shared namespaces, the first also has the private ones. */
const Subsystem = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    controllers: z.array(Controller).min(1),
    namespaces: z.array(Namespace).min(1),
  })
  .strict();

/** A guest profile: what QEMU emulates, and the kernel arguments that go with it. Data only; users add profiles in a file. */
export const GuestProfile = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    summary: z.string(),
    iommu: z.enum(['none', 'intel', 'virtio']).default('none'),
    kernelArgs: z.array(z.string()).default([]),
    qemuArgs: z.array(z.string()).default([]),
    vcpus: z.number().int().min(1).max(64).default(2),
    memoryMiB: z.number().int().min(256).default(512),
    /** The clock counts instructions, which makes runs deterministic: forces TCG and one vCPU. */
    icount: z.boolean().default(false),
    /** `null`: NVMe drives that read as zeroes, discard what is written, and complete every request after 25 ms. */
    drives: z.enum(['file', 'null']).default('file'),
    nvme: z.array(Subsystem).default([]),
    /** Facts for the suites (`pollQueues: 2`). */
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  })
  .strict();
export type GuestProfile = z.infer<typeof GuestProfile>;
/** A profile as it is written: fields with a default may be absent. */
export type GuestProfileInput = z.input<typeof GuestProfile>;
