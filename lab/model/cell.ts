import { z } from 'zod';
import { hashOf } from '../core/hash.ts';
import { GuestProfile } from './guest.ts';
import { SuiteInfo } from './suite.ts';

/** `base`: what is compared with; `patched`: the base with the series, or a later kernel of a run without one. */
export const Side = z.enum(['base', 'patched']);
export type Side = z.infer<typeof Side>;

/** An entry of kernels/known-complaints.yaml, or of the user's list: a complaint that is reported and fails nothing. */
export const KnownComplaint = z
  .object({
    /** Part of the complaint's title, as reports give it. */
    title: z.string().min(5),
    /** Functions that must all be in the report's traces. */
    functions: z.array(z.string().regex(/^\w+$/, 'a function of the trace')).min(1),
    /** Reported with every complaint that matches. */
    reason: z.string().min(1),
  })
  .strict();
export type KnownComplaint = z.infer<typeof KnownComplaint>;

const Key = z.string().regex(/^[0-9a-f]{16,64}$/, 'a content key in hex');

/**
 * A cell as data: everything that decides what one attempt does, by content key. The same spec is the same cell on any machine
 * whose cache has the artefacts (`ringlab run --cell FILE`).
 */
export const CellSpec = z
  .object({
    format: z.literal(1),
    /** Build key in the kernel store; `id` is the kernel's id in the run record. */
    kernel: z.object({ id: z.string(), key: Key, debug: z.boolean() }).strict(),
    side: Side,
    /** The kernel has a series of this project, whose choices are asserted. */
    ownSeries: z.literal(true).optional(),
    image: z.object({ recipe: z.string(), key: Key }).strict(),
    profile: GuestProfile,
    suite: SuiteInfo,
    /** What is pushed into the guest: the agent bundled with the suite, a program with its files, or a folder of programs. */
    payload: z.object({ kind: z.enum(['agent', 'program', 'programs']), key: Key }).strict(),
    accel: z.enum(['kvm', 'tcg']),
    seed: z.number().int().min(0),
    /** Run only tests whose name contains one of these; empty: all. */
    only: z.array(z.string()),
    /** Exact names of the tests that are still to run; absent: all. */
    tests: z.array(z.string()).optional(),
    /** Tests that one guest runs, skipped ones not counted; absent: as many as there are. Further attempts take the rest. */
    most: z.number().int().min(1).optional(),
    kernelArgs: z.array(z.string()),
    qemuArgs: z.array(z.string()),
    /** Deadlines, ms: QEMU start to ready, the whole suite, one test. */
    deadlines: z
      .object({
        bootMs: z.number().positive(),
        suiteMs: z.number().positive(),
        testMs: z.number().positive(),
      })
      .strict(),
    known: z.array(KnownComplaint),
    /** Which boot of the cell, from 1: metrics are taken over several. */
    repeat: z.number().int().min(1),
    /** From 1; a later attempt takes the tests that a lost guest did not begin. */
    attempt: z.number().int().min(1),
    /** Which share of the suite's tests this is, from 1, where several guests share one cell; absent: the whole suite. */
    shard: z.number().int().min(1).optional(),
    /** How many shards there are, where the guest has to choose its tests; absent where `tests` names them. */
    shards: z.number().int().min(2).optional(),
    /** Which rerun of tests of this cell it is, from 1, where a regression is confirmed; absent: none. */
    rerun: z.number().int().min(1).optional(),
  })
  .strict();
export type CellSpec = z.infer<typeof CellSpec>;

/** JSON with sorted keys: equal for equal values. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** The cell's key, 32 hex digits: equal for specs that do the same. Display names (`kernel.id`, `side`) do not count. */
export function keyOfCell(spec: CellSpec): string {
  const { side: _side, kernel, ...rest } = spec;
  return hashOf('cell-1', canonical({ ...rest, kernel: { key: kernel.key, debug: kernel.debug } })).slice(
    0,
    32,
  );
}

/**
 * `debian-6.12+dma-premap/swiotlb/dma-premap`, with `~2` for the second shard, `#2` for the second repeat and `!2` for the second rerun of
 * tests; for people: identities are never recovered from it.
 */
export function nameOfCell(cell: {
  kernel: string;
  profile: string;
  suite: string;
  repeat?: number;
  shard?: number | undefined;
  rerun?: number | undefined;
}): string {
  const { kernel, profile, suite, repeat = 1, shard, rerun } = cell;
  const part = `${shard ? `~${shard}` : ''}${repeat > 1 ? `#${repeat}` : ''}${rerun ? `!${rerun}` : ''}`;
  return `${kernel}/${profile}/${suite}${part}`;
}
