import type { CellSpec } from '../model/cell.ts';
import type { Comparison } from '../model/compare.ts';
import type { LabEvent } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import type { NewSource } from '../source/new-source.ts';

/** Options of every function that builds, boots or reads sources. */
export interface WorkOptions {
  /** Aborts the call: children are stopped, results so far are recorded, and the call throws the abort reason. */
  signal?: AbortSignal | undefined;
  /** Called with each event, in order. An exception that it throws ends the call. */
  onEvent?: ((event: LabEvent) => void) | undefined;
  /**
   * Runs code of kernels and image recipes without a sandbox, with all rights of this process; default false: such code is refused where
   * no sandbox works. Emits a note, and stands in the record.
   */
  unsafeNoSandbox?: boolean | undefined;
}

/** How `importSeries` reads a posting. */
export interface ImportOptions extends WorkOptions {
  /** Name of the series; default its title as a slug. */
  name?: string | undefined;
  /** Version of the posting to take from a thread with several; default the newest. */
  version?: number | undefined;
  /** Git repository of a range; default the current folder. */
  repo?: string | undefined;
  /** Name of a series that must be applied first. */
  needs?: string | undefined;
  /** Refuse a series of which anything was left out, replaced or filled in; default false. */
  strict?: boolean | undefined;
  /** Keep the series in the cache, where its name finds it; default true. */
  save?: boolean | undefined;
}

/** Where a new source is: exactly one of `tarball`, `package` and `tree`. */
export type SourceOptions = WorkOptions & Omit<NewSource, 'name'>;

/** One kernel, or several that are compared with the first. */
export interface KernelOptions {
  /** Names of sources (`listSources`); default the base of the series, else `debian-6.12`. */
  kernels?: readonly string[] | undefined;
  /** Path of a kernel, instead of `kernels`: a git tree, a tarball or a folder. */
  tree?: string | undefined;
  /** Revision of a git tree at `tree`; default HEAD. */
  base?: string | undefined;
  /** Series to apply, after those that it needs: its name, its path, or the series itself. */
  series?: string | Series | undefined;
  /** What the configuration starts from: `tinyconfig` (default), `defconfig`, or the path of a config file. */
  config?: string | undefined;
  /** Paths of config fragments that override the usual ones; default none. */
  fragments?: readonly string[] | undefined;
  /** The debug kernel: KASAN, lockdep, DMA-API debug, kmemleak; default false. */
  debug?: boolean | undefined;
}

/** Which kernel `buildKernel` and `buildEach` build. */
export interface BuildOptions extends Omit<KernelOptions, 'kernels'>, WorkOptions {
  /** Name of a source (`listSources`); default the base of the series, else `debian-6.12`. */
  kernel?: string | undefined;
}

/** Where a run is recorded. */
export interface RecordOptions {
  /** Folder of the record; default a new folder in `runsDir`. */
  out?: string | undefined;
  /** Folder of all records; default `runs`. */
  runsDir?: string | undefined;
  /**
   * The history that the run is added to: a file, or the connection string of PostgreSQL; default as for the command. `false`: none.
   */
  store?: string | false | undefined;
  /** File that gets each event as a line of JSON, from which `report` can make the record. */
  eventsFile?: string | undefined;
}

/** What a run or comparison may lack without failing. */
export interface AllowOptions {
  /** Do not fail because tests are skipped: all of them, or tests that ran on the base; default false. */
  allowSkips?: boolean | undefined;
  /** Do not fail because tests or figures of the base are not there; default false. */
  allowGone?: boolean | undefined;
}

/** Guests, suites and tests. Sizes override those of the profiles. */
export interface MatrixOptions extends KernelOptions, RecordOptions, WorkOptions {
  /** Guest profiles; default those that the series or the suites name. */
  guests?: readonly string[] | undefined;
  /** Names of suites, or paths of your own: a folder or a program. Default those that the series names, else all. */
  suites?: readonly string[] | undefined;
  /** Sources of foreign suites: `liburing=PATH`, a git URL or `debian:PACKAGE` instead of the path. */
  suiteSources?: readonly string[] | undefined;
  /** Run only tests whose name contains one of these; default all. */
  only?: readonly string[] | undefined;
  /** Guests that run at the same time; default the number of CPUs, at most 4. */
  jobs?: number | undefined;
  /** Seed of the random parts of tests; default a new one. */
  seed?: number | undefined;
  /** YAML file with further guest profiles. */
  guestsFile?: string | undefined;
  /** YAML file with further known complaints. */
  knownFile?: string | undefined;
  vcpus?: number | undefined;
  /** Memory of a guest, MiB; at least 256. */
  memoryMiB?: number | undefined;
  /** Size of each NVMe namespace, MiB. */
  diskMiB?: number | undefined;
  /** Added to the kernel command line. */
  kernelArgs?: readonly string[] | undefined;
  /** Added to QEMU's command line. */
  qemuArgs?: readonly string[] | undefined;
  /** Seconds until a guest must be ready; default 60, four times as long for the debug kernel. */
  bootTimeoutSeconds?: number | undefined;
  /** Default KVM where a guest really starts with it. */
  accel?: 'kvm' | 'tcg' | undefined;
  /** Image recipe of the guests: a name under images/, or the path of a folder with a recipe.yaml; default `minimal`. */
  recipe?: string | undefined;
  /** Debian packages to add to the image, with what they depend on; default those that the suites name. */
  packages?: readonly string[] | undefined;
}

/** A run of base and patched kernels over guests and suites. */
export interface RunOptions extends MatrixOptions, AllowOptions {
  /** Leave the base out, so that nothing is compared; default false. */
  patchedOnly?: boolean | undefined;
  /** Boots of each cell, whose results become one; default 1. */
  repeats?: number | undefined;
  /** Fresh guests that a cell may take for the tests that a lost or damaged guest did not begin; default 20. */
  restarts?: number | undefined;
  /** Runs each test in a separate guest; default false. */
  isolate?: boolean | undefined;
  /** `false`: boots every guest instead of forking it of one that has booted, where that is possible; default true. */
  fork?: boolean | undefined;
  /** How often a test that regressed is run again alone, on each side; default 2. */
  confirm?: number | undefined;
  /** Whether a test that reruns show to be flaky fails the run; default `warn`. */
  flaky?: 'fail' | 'warn' | undefined;
}

/** A measurement of costs on base and patched kernels. */
export interface BenchOptions extends RunOptions {
  /** Boots of each cell; a difference below their spread is none. Default 3. */
  repeats?: number | undefined;
  /** `instructions` (default) repeats anywhere, under emulation; `time` needs KVM to mean anything. */
  clock?: 'instructions' | 'time' | undefined;
  /** Measured turns of a full queue; default by the depth of the queue. */
  turns?: number | undefined;
  /** Turns before those that are measured. */
  warmUp?: number | undefined;
}

/** A run over the mutants of the series, or of the only suite. */
export interface MutantsOptions extends MatrixOptions {
  /** Only mutants whose name contains one of these; default all. */
  mutants?: readonly string[] | undefined;
}

/** How `runCell` runs a recorded cell again. */
export interface RunCellOptions extends RecordOptions, AllowOptions, WorkOptions {}

/** Where records are looked for. */
export interface ReadOptions {
  /** Folder in which an id or `latest` is looked for; default `runs`. */
  runsDir?: string | undefined;
}

/** Which runs `compare` compares, and what the later run may lack. */
export interface CompareOptions extends ReadOptions, AllowOptions {}

/** What `report` prints. */
export interface ReportOptions extends ReadOptions {
  /** Default `text`. */
  format?:
    | ('text' | 'markdown' | 'junit' | 'json' | 'mail' | 'kcidb' | 'github-summary' | 'github-annotations')
    | ('openmetrics' | 'patchwork' | 'otlp' | 'html')
    | undefined;
  /** Address where the folder of the record is published, for links. */
  url?: string | undefined;
  /** Of `mail`: who sends it, `Name <address>`. */
  sender?: string | undefined;
  /** Of `kcidb`: the CI system that reports; default `ringlab`. */
  origin?: string | undefined;
  /** Comparison to report with the run, as `compare` returns it; default that of the run's own two sides. */
  comparison?: Comparison | undefined;
}

/** A run: its record, or a path, an id or `latest`. */
export type RunRef = string | RunRecord;

/** A cell: its spec, or the path of a `cell-*.json` in a run record. */
export type CellRef = string | CellSpec;
