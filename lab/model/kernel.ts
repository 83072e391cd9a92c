import { z } from 'zod';

/** Name in `kernels/sources.yaml` of the source that is used when none is named. */
export const DEFAULT_KERNEL = 'debian-6.12';

/** The user's own sources: a file in the cache, of the form of `kernels/sources.yaml`. */
export const USER_SOURCES = 'sources.yaml';

/** A name that `--kernel` takes. */
export const SourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/i, 'a name is letters, digits, dot, dash and underscore');

/** Fields that say where a source is: each source has exactly one of them. */
const PLACES = ['package', 'path', 'url'] as const;

/** A source in `kernels/sources.yaml`: a kernel tree to start from. */
export const KernelSource = z
  .object({
    summary: z.string().default(''),
    /** Debian package that ships a source tarball under /usr/src. */
    package: z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9.+-]+$/,
        'a name of a Debian package is lower-case letters, digits, plus, dot and dash',
      )
      .optional(),
    /** Suite of the Debian archive from which the package is downloaded when it is not installed: `trixie-backports`. */
    suite: z
      .string()
      .regex(/^[a-z][a-z0-9-]*$/, 'a suite of the Debian archive, such as bookworm or trixie-backports')
      .optional(),
    /** Path of a tarball, a folder or a git tree on this machine, relative to the sources file. */
    path: z.string().min(1).optional(),
    /** Revision of a git tree; default HEAD. */
    revision: z.string().min(1).optional(),
    /** Address of a tarball, http or https. */
    url: z
      .string()
      .regex(/^https?:\/\/[^\s/]+\/\S+$/, 'an address begins with http:// or https:// and has a path')
      .optional(),
    /** SHA-256 of the tarball at `url`, which must have one, or at `path`. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'SHA-256 is 64 hexadecimal digits in lower case')
      .optional(),
  })
  .strict()
  .superRefine((source, ctx) => {
    const problem = (message: string) => ctx.addIssue({ code: 'custom', message });
    if (PLACES.filter((place) => source[place] !== undefined).length !== 1)
      problem(`give exactly one of ${PLACES.join(', ')}`);
    if (source.suite !== undefined && source.package === undefined) problem('suite is given without package');
    if (source.revision !== undefined && source.path === undefined) problem('revision is given without path');
    if (source.sha256 !== undefined && source.package !== undefined)
      problem('sha256 is for a tarball: apt checks a package by the signature of the archive');
    if (source.sha256 !== undefined && source.revision !== undefined)
      problem('sha256 is for a tarball, revision for a git tree');
    if (source.url !== undefined && source.sha256 === undefined) problem('url is given without sha256');
  });
export type KernelSource = z.infer<typeof KernelSource>;

/** A sources file: sources by name. */
export const SourcesFile = z.record(SourceName, KernelSource);
export type SourcesFile = z.infer<typeof SourcesFile>;

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
  /**
   * The source below all series, when there is one: the user vouches for the source, but not for patches. A tree with a source is
   * built apart from what others use.
   */
  source?: { commit: string; tree: string; name: string };
  /** Lock and work folder for builds of this source, shared by the base and everything applied to it. */
  workDir: string;
}

/** The source of a tree that has patches on it; undefined for a tree without. */
export function sourceOf(tree: SourceTree): SourceTree | undefined {
  const below = tree.source ?? tree.base;
  if (!below) return undefined;
  const { gitDir, workDir } = tree;
  return { ...below, gitDir, workDir };
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
  /** Folder of `make modules_install`, with `lib/modules/RELEASE`; absent when the configuration has no modules. */
  modules?: string;
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
  /** The compressed image for other boot loaders, where it was asked for. */
  bootImage?: string;
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
