import { z } from 'zod';

/** Name in `kernels/sources.yaml` of the source that is used when none is named. */
export const DEFAULT_KERNEL = 'debian-6.12';

/** A source in `kernels/sources.yaml`: a kernel tree to start from. */
export const KernelSource = z
  .object({
    summary: z.string(),
    /** Debian package that ships a source tarball under /usr/src. */
    package: z.string().optional(),
    /** Path of a tarball, a folder or a git tree on this machine, relative to the sources file. */
    path: z.string().optional(),
    /** Revision of a git tree; default HEAD. */
    revision: z.string().optional(),
  })
  .strict()
  .refine((source) => (source.package === undefined) !== (source.path === undefined), {
    message: 'give exactly one of package and path',
  });
export type KernelSource = z.infer<typeof KernelSource>;

/** A source as a commit in a git repository of the cache. */
export interface SourceTree {
  /** Name for display: `debian-6.12`, `debian-6.12+dma-premap`; with a commit for a git tree: `linux-0123456789ab`. */
  name: string;
  /** Git folder (bare or not) that holds the commit. */
  gitDir: string;
  commit: string;
  /** Tree hash of the commit, from which the build key is made. */
  tree: string;
  /** The commit to which a series was applied to make this one; absent for a base. */
  base?: { commit: string; tree: string; name: string };
  /** Lock and work folder for builds of this source, shared by the base and everything applied to it. */
  workDir: string;
}

/** How to configure a kernel. */
export interface KernelConfigRequest {
  /** `tinyconfig`, `defconfig`, or the path of a config file. */
  start: string;
  /** Names under kernels/fragments or paths of fragment files; a later fragment overrides an earlier one. */
  fragments: string[];
  /** Adds the `debug` fragment. */
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
  /** Content key: tree, finished config, compiler, linker and architecture. */
  key: string;
  /** Name of the source tree that it was built from. */
  name: string;
  /** `uname -r`, e.g. `6.12.117`. */
  release: string;
  /** Tree hash and commit of the source. */
  tree: string;
  commit: string;
  configHash: string;
  compiler: string;
  dir: string;
  /** The kernel with its symbols. */
  vmlinux: string;
  systemMap: string;
  config: string;
  uapi: string;
  log: string;
  /** Compiler warnings, normalised to `file: message` (no line numbers), sorted, unique. */
  warnings: string[];
  /** Those of `warnings` that the base does not have; absent for a base. */
  newWarnings?: string[];
  /** Whether it was in the store already. */
  cached: boolean;
  /** Wall time of the build that made it, s. */
  seconds: number;
  /** Whether it was built in the sandbox (bubblewrap). */
  sandboxed: boolean;
  /** The protections around that build; absent when an earlier version built it. */
  protections?: string[];
}
