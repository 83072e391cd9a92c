import { lstat, mkdir, opendir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { removeTree } from '../core/remove.ts';
import type { SandboxAccess } from '../core/sandbox.ts';
import { hostArch } from '../model/arch.ts';
import { isCompiled, readLog } from './log.ts';
import type { PrivateView } from './private.ts';
import { MAX_LOG_BYTES, readRegularFile, replaceFile } from './regular-file.ts';

const State = z.object({
  /** Build key that the log belongs to. */
  key: z.string(),
  /** Targets that builds in this folder have made. */
  made: z.array(z.string()),
  /** Whether a build in this folder has ever finished. */
  complete: z.boolean(),
  /** Warnings by target: an incremental build repeats only those of the targets that it compiles. */
  warnings: z.record(z.string(), z.array(z.string())),
  /** What the objects are up to date with: build key, and stamp of the tree (`WorkTree.stamp`). */
  current: z.object({ key: z.string(), stamp: z.string() }).optional(),
});
type State = z.infer<typeof State>;

/** `attempt.json`: exists while a build runs, and afterwards when it was killed. */
const Attempt = z.object({ startedMs: z.number() });

/** Files that compiler, linker, archiver or compressor write in place, so that a killed build may leave one half written. */
function writtenInPlace(): RegExp {
  const names = ['vmlinux', 'fixdep', 'conf', 'objtool', 'modpost', 'kallsyms'];
  const all = [...names, ...hostArch().kernel.writtenInPlace].join('|');
  return new RegExp(`\\.(o|a|s|S|so|dbg|ko|lds|bin|gz|xz|elf)$|^(${all})`);
}

/** The content of a file of the lab: undefined when it is missing, `damaged` when it is not of this form. */
async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | 'damaged' | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

/** Regular files below a folder; links are not followed. A kernel's objects lie at most 8 folders deep. */
async function* filesBelow(dir: string, below = '', depth = 0): AsyncGenerator<string> {
  if (depth > 64) return;
  for await (const entry of await opendir(join(dir, below))) {
    const path = join(below, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory()) yield* filesBelow(dir, path, depth + 1);
  }
}

/**
 * An object folder with a record of the targets made in it and their warnings: one for each source and config. Only builds of the
 * source write it. A tree with patches is built in a `view` of it, whose record is not kept. Callers hold `lock(workDir)`.
 */
export class ObjectFolder {
  /** The `O=` folder. */
  readonly path: string;
  /** Folder of the lab for files of the running or latest build. */
  readonly scratch: string;
  /** Output of the running or latest build. */
  readonly logFile: string;
  readonly #meta: string;
  #state: State = { key: '', made: [], complete: false, warnings: {} };

  constructor(
    readonly workDir: string,
    id: string,
    readonly view?: PrivateView,
  ) {
    this.path = ObjectFolder.pathOf(workDir, id);
    this.#meta = `${this.path}.meta`;
    this.scratch = view?.dir ?? this.#meta;
    this.logFile = join(this.scratch, 'build.log');
  }

  /** Path of the object folder of an id. */
  static pathOf(workDir: string, id: string): string {
    return join(workDir, `obj-${id.slice(0, 16)}`);
  }

  /** Number of targets made so far; once a build is `complete`, later builds are incremental. */
  get progress(): { targets: number; complete: boolean } {
    return { targets: this.#state.made.length, complete: this.#state.complete };
  }

  /** What the sandbox of a build in this folder may write. */
  get access(): Pick<SandboxAccess, 'writable' | 'overlays' | 'mounts'> {
    return this.view ? { writable: [], ...this.view.access } : { writable: [this.path] };
  }

  /** Whether the objects are those of this build, and newer than the files of the tree. */
  async isCurrent(key: string, stamp: string | undefined): Promise<boolean> {
    const state = await readJson(join(this.#meta, 'state.json'), State);
    const attempt = await readJson(this.#attemptFile, Attempt);
    if (state === undefined || state === 'damaged' || attempt !== undefined) return false;
    return state.current?.key === key && state.current.stamp === stamp;
  }

  /**
   * Opens the folder for a build. Repairs an interrupted build; appends to its log if the key matches. Starts anew, after a call of
   * `onDamage`, when its record is damaged: what the objects were made from is then unknown.
   */
  async begin(key: string, onDamage: (reason: string) => void): Promise<void> {
    const stored = await readJson(this.#stateFile, State);
    const attempt = await readJson(this.#attemptFile, Attempt);
    if (this.view) return this.#beginView(key, stored);
    if (stored === 'damaged' || attempt === 'damaged') {
      onDamage('the record of its targets cannot be read');
      await Promise.all([removeTree(this.path), removeTree(this.#meta)]);
    }
    await Promise.all([mkdir(this.path, { recursive: true }), mkdir(this.#meta, { recursive: true })]);
    if (stored !== undefined && stored !== 'damaged' && attempt !== 'damaged') this.#state = stored;
    const interrupted = attempt === 'damaged' ? undefined : attempt;
    if (interrupted) {
      const targets = await this.#recordLog();
      // With one job make prints a target's line before it runs the command, so the last target may be unfinished as well.
      await this.#removeUnfinished(interrupted.startedMs, new Set(targets.slice(0, -1)));
    }
    if (!interrupted || this.#state.key !== key) await rm(this.logFile, { force: true });
    this.#state = { ...this.#state, key, current: undefined };
    await this.#save();
    await writeJson(this.#attemptFile, { startedMs: Date.now() });
  }

  /** A view may see several builds; the first starts from the record of the folder itself. */
  async #beginView(key: string, earlier: State | 'damaged' | undefined): Promise<void> {
    const stored = earlier ?? (await readJson(join(this.#meta, 'state.json'), State));
    if (stored !== undefined && stored !== 'damaged') this.#state = stored;
    await rm(this.logFile, { force: true });
    this.#state = { ...this.#state, key };
  }

  /** Closes a build that was not interrupted. `complete`: it succeeded; `stamp`: it made all that a stored kernel needs. */
  async end(complete: boolean, stamp?: string): Promise<void> {
    const { key } = this.#state;
    this.#state.complete ||= complete;
    if (complete && stamp !== undefined) this.#state.current = { key, stamp };
    await this.#recordLog();
    if (!this.view) await rm(this.#attemptFile);
  }

  /** Objects with warnings, relative to the folder. */
  get targetsWithWarnings(): string[] {
    return Object.keys(this.#state.warnings).filter((target) => target.endsWith('.o'));
  }

  /** Warnings of all objects in the folder, sorted, unique; `present` are those of `targetsWithWarnings` that exist. */
  warnings(present: ReadonlySet<string>): string[] {
    const entries = Object.entries(this.#state.warnings);
    const current = entries.flatMap(([target, list]) =>
      !target.endsWith('.o') || present.has(target) ? list : [],
    );
    return [...new Set(current)].sort();
  }

  /** Content of a file directly in the folder; undefined when it is missing or no regular file. */
  readTop(name: string): Promise<string | undefined> {
    if (this.view) return this.view.readTop(name);
    return readRegularFile(join(this.path, name)).catch(() => undefined);
  }

  /** Writes a file directly in the folder. */
  async writeTop(name: string, text: string): Promise<void> {
    await (this.view ? this.view.writeTop(name, text) : replaceFile(join(this.path, name), text));
  }

  get #attemptFile(): string {
    return join(this.#meta, 'attempt.json');
  }

  get #stateFile(): string {
    return join(this.scratch, 'state.json');
  }

  async #save(): Promise<void> {
    await writeJson(this.#stateFile, this.#state);
  }

  /** Adds the targets and warnings of the log to the state; returns the targets. Doing it twice changes nothing. */
  async #recordLog(): Promise<string[]> {
    const text = await readRegularFile(this.logFile, MAX_LOG_BYTES).catch(() => '');
    const { steps, warnings } = readLog(text, [join(this.workDir, 'tree'), this.path]);
    const targets = steps.filter(isCompiled).map((step) => step.target);
    // Names come from the log: `__proto__` must not be special.
    const all = new Map(Object.entries(this.#state.warnings));
    for (const target of ['', ...targets]) {
      const list = warnings.get(target);
      if (list) all.set(target, [...new Set(list)]);
      else all.delete(target);
    }
    this.#state.warnings = Object.fromEntries(all);
    this.#state.made = [...new Set([...this.#state.made, ...targets])];
    await this.#save();
    return targets;
  }

  /** Removes files that the interrupted build may have left half written: by its time stamp make would take one for finished. */
  async #removeUnfinished(sinceMs: number, finished: ReadonlySet<string>): Promise<void> {
    const pattern = writtenInPlace();
    for await (const path of filesBelow(this.path)) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (!pattern.test(name) || finished.has(path)) continue;
      const file = join(this.path, path);
      const info = await lstat(file).catch(() => undefined);
      if (info?.isFile() && info.mtimeMs >= sinceMs) await rm(file, { force: true });
    }
  }
}
