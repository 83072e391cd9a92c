import { z } from 'zod';

/** A named base in `kernels/sources.yaml`, or one given by `--tree`. */
export const KernelSource = z
  .object({
    summary: z.string(),
    /** Debian package that ships a source tarball under /usr/src. */
    package: z.string().optional(),
    /** A tarball, a folder or a git tree on this machine. */
    path: z.string().optional(),
    /** For a git tree: the revision to use; default HEAD. */
    revision: z.string().optional(),
  })
  .strict()
  .refine((source) => (source.package === undefined) !== (source.path === undefined), {
    message: 'give exactly one of package and path',
  });
export type KernelSource = z.infer<typeof KernelSource>;

/** A source as a commit in a git repository of the cache. */
export interface SourceTree {
  /** Readable name, e.g. `debian-6.12` or `debian-6.12+dma-premap`. */
  name: string;
  /** Git folder (bare or not) that holds the commit. */
  gitDir: string;
  commit: string;
  /** Tree hash of the commit: what the build key is made from. */
  tree: string;
  /** The commit that this one was made from by applying a series. */
  base?: { commit: string; tree: string; name: string };
  /** Lock and work folder for builds of this source, shared by all states that stem from it. */
  workDir: string;
}

/** What a kernel is configured with. */
export interface KernelConfigRequest {
  /** `tinyconfig`, `defconfig`, or a path of a config file. */
  start: string;
  /** Fragment names under kernels/fragments or paths of fragment files, in order. */
  fragments: string[];
  debug: boolean;
}

/** The files of a stored kernel that a guest needs. */
export interface StoredKernel {
  /** Build key. */
  key: string;
  /** Folder in the store. */
  dir: string;
  vmlinux: string;
  uapi: string;
}

/** A kernel in the store. All paths are inside `dir`. */
export interface KernelBuild {
  key: string;
  name: string;
  /** `6.12.117`-like release string of the build. */
  release: string;
  arch: string;
  tree: string;
  commit: string;
  configHash: string;
  compiler: string;
  dir: string;
  vmlinux: string;
  bzImage: string;
  systemMap: string;
  config: string;
  uapi: string;
  log: string;
  /** Compiler warnings, normalised to `file: message` (no line numbers), sorted, unique. */
  warnings: string[];
  /** Warnings that the base of this state does not have; absent for a base. */
  newWarnings?: string[];
  cached: boolean;
  /** Wall seconds of the build that made it. */
  seconds: number;
  /** Whether it was built without network and with a read-only host (bubblewrap). */
  sandboxed: boolean;
}
