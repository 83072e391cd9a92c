import { z } from 'zod';
import type { SandboxPolicy } from '../core/sandbox.ts';
import { CellSpec } from './cell.ts';
import { Confirmation } from './confirm.ts';
import { Note } from './note.ts';
import { TestResult } from './result.ts';
import { CellRecord, ImageRecord, KernelRecord, RunRecord } from './run.ts';
import { CellVerdict } from './verdict.ts';

/** An event's fields besides its time. */
const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape });

const count = z.number().int().min(0);

/** Facts that stages report while they work: the only thing that travels up besides results. No field is prose to be parsed. */
const EventFields = z.discriminatedUnion('type', [
  /** A source is brought into the cache: `from` is a tarball or a folder; of a download a package with its suite and version, or an address. */
  event('source.start', {
    source: z.string(),
    action: z.enum(['download', 'unpack', 'read']),
    from: z.string(),
  }),
  /** `done` and `total` are files, of a download bytes. */
  event('source.progress', {
    source: z.string(),
    action: z.enum(['download', 'unpack', 'add']),
    done: count,
    total: count.optional(),
  }),
  event('source.end', { source: z.string(), files: count.optional() }),
  /** A patch is about to be applied: `done` of `total` are. */
  event('series.progress', {
    base: z.string(),
    series: z.string(),
    patch: z.string(),
    done: count,
    total: count,
  }),
  event('kernel.start', { kernel: z.string(), compiler: z.string() }),
  /** A target was made; `total` is an estimate, absent for an incremental build. */
  event('kernel.progress', { kernel: z.string(), target: z.string(), done: count, total: count.optional() }),
  /** A line of the compiler that is a warning or an error. */
  event('kernel.output', { kernel: z.string(), line: z.string() }),
  event('kernel.end', {
    kernel: z.string(),
    outcome: z.enum(['built', 'failed', 'stopped']),
    seconds: z.number().optional(),
  }),
  event('image.start', { recipe: z.string(), packages: count }),
  event('image.end', { recipe: z.string(), key: z.string() }),
  event('guest.start', { guest: z.string(), commandLine: z.array(z.string()) }),
  /** `ms` from QEMU start. */
  event('guest.ready', { guest: z.string(), ms: z.number() }),
  /** Another ringlab holds the lock. */
  event('lock.wait', { for: z.enum(['source', 'build', 'image']), subject: z.string() }),
  /** The head of a run record: what is known before any work; `dir` is its folder. */
  event('run.start', { record: RunRecord, dir: z.string() }),
  /** Image and accelerator are known. */
  event('session.ready', {
    image: ImageRecord,
    accel: z.object({ kind: z.enum(['kvm', 'tcg']), reason: z.string() }),
    payloads: z.record(z.string(), z.string()),
  }),
  /** The kernels of the run, before any of them is built. */
  event('kernels.planned', {
    kernels: z.array(KernelRecord.pick({ id: true, name: true, side: true, base: true })),
  }),
  /** A kernel of the run was built, or failed. */
  event('kernel.ready', { kernel: KernelRecord }),
  /** Cells that are to run, each when a slot is free. Replaces an earlier plan: what need not run is in none. */
  event('cells.planned', {
    cells: z.array(
      z.object({
        ...{ kernel: z.string(), profile: z.string(), suite: z.string(), repeat: z.number().int() },
        shard: z.number().int().optional(),
      }),
    ),
  }),
  event('cell.start', { cell: z.string(), spec: CellSpec }),
  /** Names of tests that a suite is going to run. */
  event('tests.announced', { cell: z.string(), tests: z.array(z.string()) }),
  event('test.end', { cell: z.string(), test: TestResult }),
  /** `ms` of the attempt. `continues`: another attempt takes the tests that this one did not begin. */
  event('cell.end', {
    ...{ cell: z.string(), verdict: CellVerdict, ms: z.number(), result: CellRecord },
    continues: z.literal(true).optional(),
  }),
  event('cells.progress', { done: count, total: count }),
  /** Tests that regressed are run again. */
  event('confirm.start', { tests: count }),
  event('confirm.end', { done: count, total: count, confirmation: Confirmation }),
  event('lab.failure', { subject: z.string(), message: z.string() }),
  event('mutant.end', {
    mutant: z.string(),
    fault: z.string(),
    killed: z.boolean(),
    killedBy: z.string().optional(),
    broken: z.string().optional(),
  }),
  event('run.end', { seconds: z.number(), interrupted: z.boolean() }),
  /** The record is on disk, in this folder. */
  event('record.written', { dir: z.string() }),
  /** Worth showing always. */
  event('note', { note: Note }),
]);

/** An event as a stage emits it. */
export type EventBody = z.infer<typeof EventFields>;

/** An event with its time, ms since 1970. One line of NDJSON (`--events FILE`). */
export const LabEvent = EventFields.and(z.object({ at: z.number() }));
export type LabEvent = EventBody & { at: number };

/** The event of one type. */
export type EventOf<T extends EventBody['type']> = Extract<EventBody, { type: T }>;

/** Reports an event; its time is now unless it has one. */
export type Emit = (event: EventBody & { at?: number }) => void;

/** What every stage is given besides its input. */
export interface StageContext extends SandboxPolicy {
  signal: AbortSignal;
  emit: Emit;
}

/** A context whose events go, each with its time, to `listener`. Emits a note when it allows to run without a sandbox. */
export function contextOf(
  signal: AbortSignal,
  listener: (event: LabEvent) => void,
  { unsafeNoSandbox = false }: SandboxPolicy = {},
): StageContext {
  const emit: Emit = (body) => listener({ at: Date.now(), ...body });
  if (unsafeNoSandbox) emit({ type: 'note', note: { code: 'sandbox.off', subject: 'off' } });
  return { signal, emit, unsafeNoSandbox };
}
