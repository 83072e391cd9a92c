import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { openPlainFile } from '../../core/plain-file.ts';
import { HostFacts, PlanRecord, type RunRecord } from '../../model/run.ts';
import { CellVerdict } from '../../model/verdict.ts';
import { RECORD_FILE } from '../../record/record.ts';
import { type Durations, durationsOf } from './estimate.ts';

/** Newest records that are looked at, and bytes of each: an estimate must not slow the run that it is for. */
const MAX_RECORDS = 5;
const MAX_BYTES = 8 << 20;

/** Ids begin with the time, so that they sort by age. */
const ID = /^\d{8}T\d{6}Z-/;

/** What of a record tells how long its cells took, and whether they are like those of another run. */
const Timed = z.object({
  host: HostFacts,
  accel: z.object({ kind: z.enum(['kvm', 'tcg']) }),
  plan: PlanRecord.pick({ config: true, only: true, jobs: true, bench: true }),
  cells: z.array(
    z.object({
      profile: z.string(),
      suite: z.string(),
      attempts: z.array(
        z.object({ verdict: CellVerdict, timings: z.object({ totalMs: z.number().nonnegative() }) }),
      ),
    }),
  ),
});
type Timed = z.infer<typeof Timed>;

/** Equal for runs whose cells take as long: the same machine, tests and number of guests at a time. */
const likeness = ({ host, plan }: Pick<RunRecord, 'host'> & { plan?: Timed['plan'] | undefined }): string => {
  const { cpu, cores, memoryMiB } = host;
  return JSON.stringify([cpu, cores, memoryMiB, plan?.config.debug, plan?.only, plan?.jobs, plan?.bench]);
};

/** Undefined for a record that cannot be read, is too large or of another format. */
async function readTimed(folder: string): Promise<Timed | undefined> {
  try {
    await using file = await openPlainFile(join(folder, RECORD_FILE), MAX_BYTES);
    return Timed.parse(JSON.parse(await file.readFile('utf8')));
  } catch {
    return undefined;
  }
}

async function newestRecords(folder: string, own: string): Promise<Timed[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => ID.test(name) && name !== own);
  const newest = names.sort().slice(-MAX_RECORDS);
  const records = await Promise.all(newest.map((name) => readTimed(join(folder, name))));
  return records.filter((record) => record !== undefined);
}

/**
 * How long the cells of earlier runs like this one took, by accelerator: of the newest records beside the folder `dir` of this run.
 * Empty where there is none. Never throws.
 */
export async function earlierDurations(
  dir: string,
  head: Pick<RunRecord, 'host' | 'plan'>,
): Promise<ReadonlyMap<string, Durations>> {
  const records = await newestRecords(dirname(dir), basename(dir));
  const alike = records.filter((record) => likeness(record) === likeness(head));
  const cellsOf = ({ cells }: Timed) =>
    cells.flatMap(({ profile, suite, attempts }) =>
      attempts.map(({ verdict, timings }) => ({ profile, suite, verdict, ms: timings.totalMs })),
    );
  const kinds = new Set(alike.map(({ accel }) => accel.kind));
  return new Map(
    [...kinds].map((kind) => [
      kind,
      durationsOf(alike.filter(({ accel }) => accel.kind === kind).flatMap(cellsOf)),
    ]),
  );
}
