import { z } from 'zod';
import { Note } from './note.ts';

/** One patch as it was posted. */
export const Patch = z.object({
  /** Position in the series, from 1. */
  number: z.number().int().min(1),
  /** Subject without the `[PATCH ...]` prefix. */
  subject: z.string(),
  author: z.object({ name: z.string(), email: z.string() }),
  /** RFC 2822 or ISO 8601 date as posted; absent when the source shows none. */
  date: z.string().optional(),
  messageId: z.string().optional(),
  /** Commit message below the subject, trailers included. */
  body: z.string(),
  trailers: z.array(z.object({ key: z.string(), value: z.string() })),
  /** Paths in the kernel tree, in the order of the diff. */
  files: z.array(z.string()),
  /** Input of git apply, ending in a newline. */
  diff: z.string(),
});
export type Patch = z.infer<typeof Patch>;

/** An ordered set of patches that is applied and judged as a whole. */
export const Series = z.object({
  /** sha256 over authors, messages and diffs of the patches: the identity of the series. */
  id: z.string(),
  name: z.string(),
  title: z.string(),
  version: z.number().int().min(1),
  /** How many patches the posting announced (`k/M`). */
  announced: z.number().int().min(1),
  cover: z.string().optional(),
  /** Message id of the cover letter, angle brackets included. */
  messageId: z.string().optional(),
  baseCommit: z.string().optional(),
  /** Name of another series, which must be applied first. */
  needs: z.string().optional(),
  patches: z.array(Patch),
  /** Numbers of announced patches that were not found. */
  missing: z.array(z.number().int()),
  /** Patches for another project, whose files no kernel tree has. They are not applied. */
  foreign: z.array(z.object({ patch: Patch, reason: z.string() })),
  /** `kind`: `mbox`, `patch`, `folder`, `git` or `page`; `detail`: file or folder name, git range, or kind of archive page. */
  origin: z.object({ kind: z.string(), detail: z.string() }),
  /** What reading it left out, replaced, duplicated or filled in. */
  notes: z.array(Note).optional(),
});
export type Series = z.infer<typeof Series>;
