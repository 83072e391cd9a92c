import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { parseYaml } from '../model/parse.ts';

/** `series.yaml` of a series under kernels/series/: its base and what it is tested with. */
export const SeriesInfo = z
  .object({
    title: z.string().min(1),
    /** Source name, e.g. `debian-6.12`. */
    base: z.string().min(1),
    /** Name of another series, which must be applied first. */
    needs: z.string().min(1).optional(),
    /** Names of the suites and guest profiles that test it. */
    suites: z.array(z.string().min(1)),
    guests: z.array(z.string().min(1)),
    /** Objections of reviewers, and how the series answers them. */
    objections: z
      .array(z.object({ by: z.string().optional(), said: z.string(), answer: z.string() }).strict())
      .optional(),
  })
  .strict();
export type SeriesInfo = z.infer<typeof SeriesInfo>;

/** `series.yaml` of a folder; undefined when it has none. Throws InputError when it is malformed. */
export async function readInfo(dir: string): Promise<SeriesInfo | undefined> {
  const file = join(dir, 'series.yaml');
  if (!(await exists(file))) return undefined;
  return parseYaml(SeriesInfo, await readFile(file, 'utf8'), file);
}
