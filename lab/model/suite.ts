import { z } from 'zod';
import { ForeignBuild, type Origin } from './foreign.ts';

/**
 * How a program reports its verdict: `tap` (TAP or KTAP), or by its exit code in the convention of kselftest (4: skipped), liburing
 * (77: skipped) or neither (`plain`). `auto`: TAP if it prints any, else its exit code, as kselftest if its path contains
 * `/selftests/`, else as liburing.
 */
export const ProgramVerdict = z.enum(['auto', 'tap', 'kselftest', 'liburing', 'plain']);
export type ProgramVerdict = z.infer<typeof ProgramVerdict>;

/** Names of Debian packages (Debian policy, section 5.6.7). */
export const PackageNames = z.array(
  z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'the name of a Debian package, such as bash'),
);

/** Keys are glob patterns of program names (`*`, `?`, `**`); the first that matches counts. */
const byPattern = <T extends z.ZodType>(value: T) => z.record(z.string().min(1), value).default({});

/** A folder of programs that is one suite: which of its files run, and how. Names are paths below the folder. */
export const ProgramSet = z
  .object({
    /** Patterns of the executable files that are the programs. */
    include: z.array(z.string().min(1)).min(1).default(['*']),
    /** Instead of `include`: a file of the folder that names the programs, one on each line. */
    list: z.string().min(1).optional(),
    /** Programs that are reported as skipped, with the reason. */
    exclude: byPattern(z.string().min(1)),
    /** Names or patterns of the programs that run first, in this order; the rest follows by name. */
    order: z.array(z.string().min(1)).default([]),
    /** Deadline of one program, seconds. */
    timeoutSeconds: z.number().positive().default(60),
    /** Other deadlines, seconds. */
    timeouts: byPattern(z.number().positive()),
    /** Arguments. */
    args: byPattern(z.array(z.string())),
  })
  .strict();
export type ProgramSet = z.infer<typeof ProgramSet>;

/** Variables of a program's environment. */
const Environment = z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'the name of a variable'), z.string());

/** `suite.yaml`: what the lab must know about a suite before it is loaded. */
export const SuiteInfo = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    summary: z.string().default(''),
    /** Guest profiles that the suite is written for. */
    guests: z.array(z.string()).min(1).default(['plain']),
    /** Deadline of the whole suite in one cell, seconds. */
    timeoutSeconds: z.number().positive().default(300),
    /** Deadline of one test, seconds. */
    testTimeoutSeconds: z.number().positive().default(30),
    /** Tests depend on those before them: after one that ends its guest the rest is lost, instead of going on in a fresh guest. */
    sequence: z.boolean().default(false),
    /** Runs only when it is requested by name, not as one of all suites. */
    onRequest: z.boolean().default(false),
    /** A program instead of `index.ts`: its file, relative to the suite's folder, and its arguments. */
    run: z.array(z.string()).min(1).optional(),
    /** Instead of `run`: every program of the folder is a test. */
    programs: ProgramSet.optional(),
    /** Makes the folder of the suite from the source of another project. */
    build: ForeignBuild.optional(),
    /** With `programs`: a table beside suite.yaml of what kernel releases support (`lab/suite/support.ts`). */
    support: z.string().min(1).optional(),
    /** With `run` or `programs`: further files and folders that they need, relative to the suite's folder. */
    files: z.array(z.string()).default([]),
    /** Debian packages that the image of its guests has in addition, with what they depend on. */
    packages: PackageNames.optional(),
    /** Memory that its guests have at least, MiB, where the user asks for no other size. */
    memoryMiB: z.number().int().min(256).optional(),
    /** Its guests boot instead of being forked of a template: what it measures may depend on that. */
    boots: z.boolean().optional(),
    /** Fragments of kernels/fragments that its kernels have besides the usual ones, such as `tools`. */
    fragments: z
      .array(
        z.string().regex(/^[a-z][a-z0-9_-]*$/, 'the name of a fragment in kernels/fragments, such as tools'),
      )
      .optional(),
    /** With `run` or `programs`: how a verdict is read. */
    verdict: ProgramVerdict.default('auto'),
    /** With `run` or `programs`: added to the environment. */
    env: Environment.default({}),
  })
  .strict();
export type SuiteInfo = z.infer<typeof SuiteInfo>;

/** A suite with its folder on this machine. */
export interface Suite extends SuiteInfo {
  dir: string;
  /** Folder of suite.yaml where `dir` is made by `build`. */
  adapterDir?: string | undefined;
  /** Of a suite with `build`: where its source comes from; absent for `from: kernel`. */
  origin?: Origin | undefined;
}
