import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { hostArch } from '../model/arch.ts';
import { isCompiled, readLog } from './log.ts';

const State = z.object({
  /** Build key that the log belongs to. */
  key: z.string(),
  /** Targets that builds in this folder have made. */
  made: z.array(z.string()),
  /** Whether a build in this folder has ever finished. */
  complete: z.boolean(),
  /** Warnings by target: an incremental build repeats only those of the targets that it compiles. */
  warnings: z.record(z.string(), z.array(z.string())),
});
type State = z.infer<typeof State>;

/** `attempt.json`: exists while a build runs, and afterwards when it was killed. */
const Attempt = z.object({ startedMs: z.number() });

/** Files that compiler, linker, archiver or compressor write in place, so that a killed build may leave one half written. */
function writtenInPlace(): RegExp {
  const names = ['vmlinux', 'fixdep', 'conf', 'objtool', 'modpost', 'kallsyms'];
  const all = [...names, ...hostArch().kernel.writtenInPlace].join('|');
  return new RegExp(`\\.(o|a|s|S|so|dbg|ko|lds|bin|gz|xz|elf)$|(^|/)(${all})[^/]*$`);
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { data } = schema.safeParse(JSON.parse(text));
  return data;
}

/**
 * An object folder with a record of the targets made in it and their warnings. A base and everything applied to it are built
 * in the same folder, one for each config. Callers hold `lock(workDir)`.
 */
export class ObjectFolder {
  /** The `O=` folder. */
  readonly path: string;
  /** Output of the running or latest build. */
  readonly logFile: string;
  readonly #meta: string;
  #state: State = { key: '', made: [], complete: false, warnings: {} };

  constructor(
    readonly workDir: string,
    id: string,
  ) {
    this.path = join(workDir, `obj-${id.slice(0, 16)}`);
    this.#meta = `${this.path}.meta`;
    this.logFile = join(this.#meta, 'build.log');
  }

  /** Number of targets made so far; once a build is `complete`, later builds are incremental. */
  get progress(): { targets: number; complete: boolean } {
    return { targets: this.#state.made.length, complete: this.#state.complete };
  }

  /** Opens the folder for a build. Repairs an interrupted build; appends to its log if the key matches. */
  async begin(key: string): Promise<void> {
    await Promise.all([mkdir(this.path, { recursive: true }), mkdir(this.#meta, { recursive: true })]);
    this.#state = (await readJson(join(this.#meta, 'state.json'), State)) ?? this.#state;
    const interrupted = await readJson(this.#attemptFile, Attempt);
    if (interrupted) {
      const targets = await this.#recordLog();
      // With one job make prints a target's line before it runs the command, so the last target may be unfinished as well.
      await this.#removeUnfinished(interrupted.startedMs, new Set(targets.slice(0, -1)));
    }
    if (!interrupted || this.#state.key !== key) await rm(this.logFile, { force: true });
    this.#state.key = key;
    await writeJson(join(this.#meta, 'state.json'), this.#state);
    await writeJson(this.#attemptFile, { startedMs: Date.now() });
  }

  /** Closes a build that was not interrupted, whether or not it succeeded. */
  async end(complete: boolean): Promise<void> {
    this.#state.complete ||= complete;
    await this.#recordLog();
    await rm(this.#attemptFile);
  }

  /** Warnings of all objects in the folder, sorted, unique. */
  async warnings(): Promise<string[]> {
    const entries = Object.entries(this.#state.warnings);
    const current = await Promise.all(
      entries.map(async ([target, list]) =>
        !target.endsWith('.o') || (await exists(join(this.path, target))) ? list : [],
      ),
    );
    return [...new Set(current.flat())].sort();
  }

  get #attemptFile(): string {
    return join(this.#meta, 'attempt.json');
  }

  /** Adds the targets and warnings of the log to the state; returns the targets. Doing it twice changes nothing. */
  async #recordLog(): Promise<string[]> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '');
    const { steps, warnings } = readLog(text, [join(this.workDir, 'tree'), this.path]);
    const targets = steps.filter(isCompiled).map((step) => step.target);
    for (const target of ['', ...targets]) {
      const list = warnings.get(target);
      if (list) this.#state.warnings[target] = [...new Set(list)];
      else delete this.#state.warnings[target];
    }
    this.#state.made = [...new Set([...this.#state.made, ...targets])];
    await writeJson(join(this.#meta, 'state.json'), this.#state);
    return targets;
  }

  /** Removes files that the interrupted build may have left half written: by its time stamp make would take one for finished. */
  async #removeUnfinished(sinceMs: number, finished: ReadonlySet<string>): Promise<void> {
    const pattern = writtenInPlace();
    for (const entry of await readdir(this.path, { recursive: true })) {
      if (!pattern.test(entry) || finished.has(entry)) continue;
      const file = join(this.path, entry);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
      if (mtimeMs >= sinceMs) await rm(file, { force: true, recursive: true });
    }
  }
}
