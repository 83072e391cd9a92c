import { z } from 'zod';

/**
 * `uapi.json`: names and numbers of one kernel's interfaces, read from the headers that it installs. Sizes and offsets are
 * bytes. A name that the kernel does not have is absent, and a test that requires it is skipped.
 */
export const Uapi = z.object({
  release: z.string(),
  /** Enumerators and object-like macros with an integer value; decimal strings beyond `Number.MAX_SAFE_INTEGER`. */
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
