import { z } from 'zod';

/**
 * `uapi.json`: names and numbers of the interfaces of one kernel, read from its own installed headers.
 * Sizes and offsets are bytes. A name that the kernel does not have is absent: the suites skip on that.
 */
export const Uapi = z.object({
  release: z.string(),
  /** Enumerators and object-like macros with an integer value; 64-bit values that do not fit a double are decimal strings. */
  constants: z.record(z.string(), z.union([z.number(), z.string()])),
  structs: z.record(
    z.string(),
    z.object({
      size: z.number(),
      fields: z.record(z.string(), z.object({ offset: z.number(), size: z.number() })),
    }),
  ),
});
export type Uapi = z.infer<typeof Uapi>;
