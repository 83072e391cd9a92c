import { z } from 'zod';

/** A file beside `run.json`. */
export const Artefact = z.object({
  kind: z.enum(['tap', 'console', 'spec']),
  /** Name inside the record's folder. */
  file: z.string(),
  bytes: z.number().int().min(0),
  sha256: z.string(),
});
export type Artefact = z.infer<typeof Artefact>;
