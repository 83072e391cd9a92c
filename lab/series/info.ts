import { join } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { parseYaml } from '../model/parse.ts';
import { NAME } from './name.ts';
import { readRegular } from './regular-file.ts';

/** `series.yaml` of a series under kernels/series/: its base and what it is tested with. */
export const SeriesInfo = z
  .object({
    title: z.string().min(1),
    /** Source name, e.g. `debian-6.12`. */
    base: z.string().min(1),
    /** Name of another series, which must be applied first. */
    needs: z.string().regex(NAME, 'the name of a series').optional(),
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

/** Most bytes of a series.yaml. */
const MAX_BYTES = 1 << 20;

/** `series.yaml` of a folder; undefined when it has none. Throws InputError when it is malformed, too large or no file. */
export async function readInfo(dir: string): Promise<SeriesInfo | undefined> {
  const file = join(dir, 'series.yaml');
  if (!(await exists(file))) return undefined;
  return parseYaml(SeriesInfo, (await readRegular(file, MAX_BYTES)).toString('utf8'), file);
}
