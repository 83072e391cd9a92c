import { z } from 'zod';

/** How a foreign suite is made of the source of another project (`build` in its suite.yaml). */
export const ForeignBuild = z
  .object({
    /**
     * Bash script beside suite.yaml, run in the sandbox: the working folder is a copy of the source, which it may change; `$OUT` is the
     * folder of the suite that it fills, `$ADAPTER` that of suite.yaml, `$JOBS` the number of CPUs.
     */
    script: z.string().min(1),
    /** Files and folders of the source that are needed; default all. */
    paths: z.array(z.string().min(1)).default([]),
    /**
     * Where the source comes from by default: `kernel` is the tree of the first kernel of the run, `adapter` the folder of suite.yaml.
     * Absent: the user names it.
     */
    from: z.enum(['kernel', 'adapter']).optional(),
    /** A place of the source, for the message that asks for it. */
    example: z.string().min(1),
    /** Wall time of the build, seconds. */
    timeoutSeconds: z.number().positive().default(1800),
  })
  .strict();
export type ForeignBuild = z.infer<typeof ForeignBuild>;

/** Where the source of a foreign suite comes from. */
export type Origin =
  /** A folder: a git work tree, whose ignored files do not count, a bare repository, or any other folder. */
  | { kind: 'folder'; path: string; revision?: string }
  | { kind: 'git'; url: string; revision?: string }
  /** A Debian source package of a suite such as `bookworm`. */
  | { kind: 'debian'; package: string; suite?: string };
