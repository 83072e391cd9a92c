import { z } from 'zod';

/** One patch as it was posted. `diff` is what git apply takes, ending in a newline. */
export const Patch = z.object({
  /** Position in the series, from 1. */
  number: z.number().int().min(1),
  /** Subject without the `[PATCH ...]` prefix. */
  subject: z.string(),
  author: z.object({ name: z.string(), email: z.string() }),
  /** RFC 2822 or ISO date as posted, if known. */
  date: z.string().optional(),
  messageId: z.string().optional(),
  /** Commit message below the subject, trailers included. */
  body: z.string(),
  trailers: z.array(z.object({ key: z.string(), value: z.string() })),
  files: z.array(z.string()),
  diff: z.string(),
});
export type Patch = z.infer<typeof Patch>;

export const Series = z.object({
  /** sha256 over what the patches change and say: the identity of the series. */
  id: z.string(),
  name: z.string(),
  title: z.string(),
  version: z.number().int().min(1),
  /** How many patches the posting announced (`k/M`). */
  announced: z.number().int().min(1),
  cover: z.string().optional(),
  baseCommit: z.string().optional(),
  /** Name of another series that has to be applied first. */
  needs: z.string().optional(),
  patches: z.array(Patch),
  /** Positions announced but absent. */
  missing: z.array(z.number().int()),
  /** Patches that are for another project (their files are not in a kernel tree), with the reason. */
  foreign: z.array(z.object({ patch: Patch, reason: z.string() })),
  /** Where it came from: `mbox`, `patch`, `folder`, `git`, `page`, and for pages the archive's kind. */
  origin: z.object({ kind: z.string(), detail: z.string() }),
});
export type Series = z.infer<typeof Series>;
