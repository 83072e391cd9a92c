import { z } from 'zod';

/** Any text without a zero byte. */
const Text = z.string().regex(/^[^\0]*$/);
const Id = z.string().regex(/^[a-z0-9_]+:[^\0]*$/);
const Origin = z.string().regex(/^[a-z0-9_]+$/);
const Time = z.iso.datetime({ offset: true });

/** Longest `log_excerpt`, characters. */
export const LONGEST_EXCERPT = 16_384;
const Excerpt = Text.max(LONGEST_EXCERPT);

/** FAIL, ERROR, MISS, PASS, DONE, SKIP: the first of these sums up several. There is none for an expected failure. */
export const Status = z.enum(['FAIL', 'ERROR', 'MISS', 'PASS', 'DONE', 'SKIP']);
export type Status = z.infer<typeof Status>;

const Resource = z.strictObject({ name: z.string().regex(/^[^/\0]+$/), url: z.url() });

const Misc = z.record(z.string(), z.unknown());

export const Checkout = z.strictObject({
  ...{ id: Id, origin: Origin },
  tree_name: Text.optional(),
  /** SHA-256 over the newline-terminated SHA-256 of each patch; empty: no patches. */
  patchset_hash: z
    .string()
    .regex(/^$|^[0-9a-f]{64}$/)
    .optional(),
  /** Without angle brackets. */
  message_id: z.email().optional(),
  comment: Text.optional(),
  start_time: Time.optional(),
  log_excerpt: Excerpt.optional(),
  /** False: the patches do not apply. */
  valid: z.boolean().optional(),
  misc: Misc.optional(),
});
export type Checkout = z.infer<typeof Checkout>;

export const Build = z.strictObject({
  ...{ checkout_id: Id, id: Id, origin: Origin },
  comment: Text.optional(),
  start_time: Time.optional(),
  /** Seconds. */
  duration: z.number().optional(),
  architecture: z
    .string()
    .regex(/^[a-z0-9_]*$/)
    .optional(),
  compiler: Text.optional(),
  config_name: Text.optional(),
  log_excerpt: Excerpt.optional(),
  status: Status.optional(),
  misc: Misc.optional(),
});
export type Build = z.infer<typeof Build>;

export const Test = z.strictObject({
  ...{ build_id: Id, id: Id, origin: Origin },
  environment: z.strictObject({ comment: Text.optional(), misc: Misc.optional() }).optional(),
  path: z
    .string()
    .regex(/^([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?$/)
    .optional(),
  comment: Text.optional(),
  log_url: z.url().optional(),
  log_excerpt: Excerpt.optional(),
  status: Status.optional(),
  number: z.strictObject({ value: z.number(), unit: Text.optional() }).optional(),
  start_time: Time.optional(),
  /** Seconds. */
  duration: z.number().optional(),
  output_files: z.array(Resource).optional(),
  misc: Misc.optional(),
});
export type Test = z.infer<typeof Test>;

/** What ringlab sends of KCIDB's I/O schema 5.3. Unknown fields are refused by KCIDB: what it has no field for is under `misc`. */
export const Kcidb = z.strictObject({
  version: z.strictObject({ major: z.literal(5), minor: z.literal(3) }),
  checkouts: z.array(Checkout),
  builds: z.array(Build),
  tests: z.array(Test),
});
export type Kcidb = z.infer<typeof Kcidb>;
