import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { isCompiled, readLog } from './log.ts';

const State = z.object({
  /** What the log is of. */
  key: z.string(),
  /** Targets that builds here have made. */
  made: z.array(z.string()),
  /** Has a build come to its end here? */
  complete: z.boolean(),
  /** Warnings by the target that gave them: an incremental build repeats only those of what it compiles. */
  warnings: z.record(z.string(), z.array(z.string())),
});
type State = z.infer<typeof State>;

/** There while a build runs; still there afterwards when it was killed. */
const Attempt = z.object({ startedMs: z.number() });

/** What a compiler, linker or archiver writes in place, so that a kill can leave half of it. */
const written =
  /\.(o|a|s|S|so|dbg|ko|lds|bin|gz|xz|elf|relocs)$|(^|\/)(vmlinux|bzImage|fixdep|conf|objtool|relocs|modpost|kallsyms)[^/]*$/;

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { data } = schema.safeParse(JSON.parse(text));
  return data;
}

/**
 * An object folder and what is known of it: which targets were made and what they warned of. Builds of all states of a source
 * with one config happen in the same one. Callers hold `lock(workDir)`.
 */
export class ObjectFolder {
  /** The `O=` folder. */
  readonly path: string;
  /** The output of the running or last build. */
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

  /** Targets made so far, and whether a build has come to its end here: one that follows is incremental. */
  get progress(): { made: number; complete: boolean } {
    return { made: this.#state.made.length, complete: this.#state.complete };
  }

  /** Opens the folder for the build of `key`; fixes what a killed one left, and goes on with its log if it was of the same key. */
  async begin(key: string): Promise<void> {
    await Promise.all([mkdir(this.path, { recursive: true }), mkdir(this.#meta, { recursive: true })]);
    this.#state = (await readJson(join(this.#meta, 'state.json'), State)) ?? this.#state;
    const left = await readJson(this.#attemptFile, Attempt);
    if (left) {
      const made = await this.#fold();
      // With one job make names a target before it makes it, so the last one named may be unfinished too.
      await this.#dropUnfinished(left.startedMs, new Set(made.slice(0, -1)));
    }
    if (!left || this.#state.key !== key) await rm(this.logFile, { force: true });
    this.#state.key = key;
    await writeJson(join(this.#meta, 'state.json'), this.#state);
    await writeJson(this.#attemptFile, { startedMs: Date.now() });
  }

  /** Closes a build that make itself ended, well or not. */
  async end(complete: boolean): Promise<void> {
    this.#state.complete ||= complete;
    await this.#fold();
    await rm(this.#attemptFile);
  }

  /** Warnings of the kernel as it lies here, sorted, unique. */
  async warnings(): Promise<string[]> {
    const entries = Object.entries(this.#state.warnings);
    const alive = await Promise.all(
      entries.map(async ([target, list]) =>
        !target.endsWith('.o') || (await exists(join(this.path, target))) ? list : [],
      ),
    );
    return [...new Set(alive.flat())].sort();
  }

  get #attemptFile(): string {
    return join(this.#meta, 'attempt.json');
  }

  /** Takes what the log says into the state; folding a log twice changes nothing. */
  async #fold(): Promise<string[]> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '');
    const { steps, warnings } = readLog(text, [join(this.workDir, 'tree'), this.path]);
    const made = steps.filter(isCompiled).map((step) => step.target);
    for (const target of ['', ...made]) {
      const list = warnings.get(target);
      if (list) this.#state.warnings[target] = [...new Set(list)];
      else delete this.#state.warnings[target];
    }
    this.#state.made = [...new Set([...this.#state.made, ...made])];
    await writeJson(join(this.#meta, 'state.json'), this.#state);
    return made;
  }

  /** make goes by time stamps: an object that was being written when its compiler died must not look finished. */
  async #dropUnfinished(sinceMs: number, made: ReadonlySet<string>): Promise<void> {
    for (const entry of await readdir(this.path, { recursive: true })) {
      if (!written.test(entry) || made.has(entry)) continue;
      const file = join(this.path, entry);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
      if (mtimeMs >= sinceMs) await rm(file, { force: true, recursive: true });
    }
  }
}
