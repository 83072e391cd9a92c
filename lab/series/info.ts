import { z } from 'zod';
import { LabError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';

/** `series.yaml` of a series that we carry: what it stands on and what it is tested with. */
export const SeriesInfo = z
  .object({
    title: z.string().min(1),
    /** Source name, e.g. `debian-6.12`. */
    base: z.string().min(1),
    /** Another series that has to be applied first. */
    needs: z.string().min(1).optional(),
    suites: z.array(z.string().min(1)),
    guests: z.array(z.string().min(1)),
    /** What reviewers objected to, and how the series answers. */
    objections: z
      .array(z.object({ by: z.string().optional(), said: z.string(), answer: z.string() }).strict())
      .optional(),
  })
  .strict();
export type SeriesInfo = z.infer<typeof SeriesInfo>;

/** A folder of format-patch files; `info` when it has a series.yaml. */
export async function seriesFromFolder(
  dir: string,
  _options: { name?: string },
  _ctx: StageContext,
): Promise<{ series: Series; info?: SeriesInfo }> {
  throw new LabError(`not there yet: ${dir}`);
}
