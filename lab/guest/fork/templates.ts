import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, ensureFolder } from '../../core/cache.ts';
import { errorText, InputError } from '../../core/errors.ts';
import { damageOf, seal } from '../../core/seal.ts';
import type { StageContext } from '../../model/event.ts';
import type { GuestRequest } from '../../model/machine.ts';
import type { ForkOrigin } from '../boot.ts';
import type { Layout } from '../layout.ts';
import { makeTemplate } from './make.ts';
import { forkLayout, templateIn, templateKey } from './template.ts';

/** Disk space of all templates, MiB: that of an emulated guest with 512 MiB takes 110 to 170. */
const TEMPLATES_MIB = 2048;

/** MiB that all templates may take: `RINGLAB_TEMPLATES_MIB`, or 2 GiB. Throws InputError for what is no number. */
export function templatesLimit(): number {
  const { RINGLAB_TEMPLATES_MIB: given } = process.env;
  if (given === undefined || given === '') return TEMPLATES_MIB;
  if (/^\d+$/.test(given)) return Number(given);
  throw new InputError({
    ...{ what: `"${given}" is no size`, where: 'RINGLAB_TEMPLATES_MIB' },
    expected: 'MiB that all templates may take, a whole number',
  });
}

const folder = () => join(cacheRoot(), 'templates');

const pathOf = (key: string) => join(folder(), key);

/** A template that would do for a request. */
interface Variant {
  key: string;
  request: GuestRequest;
  layout: Layout;
}

/** The templates that would do for a request, the best first: with what it has to load, and without. */
async function variantsOf(request: GuestRequest): Promise<Variant[]> {
  const layout = forkLayout(request);
  if ('reason' in layout) return [];
  const { preload: _preload, ...without } = request;
  const requests = request.preload ? [request, without] : [without];
  return Promise.all(
    requests.map(async (each) => ({ key: await templateKey(each, layout), request: each, layout })),
  );
}

/** Space that the files of a folder take on the disk, bytes. */
async function spaceOf(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(dir, name)).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Removes the templates that were not used for the longest time until the rest, without `kept`, takes at most `limit` bytes. A guest that
 * was forked of one keeps its memory: the file goes when it has ended.
 */
async function evict(limit: number, kept: string): Promise<void> {
  const names = (await readdir(folder())).filter((name) => /^[0-9a-f]{32}$/.test(name));
  const all = await Promise.all(
    names.map(async (name) => {
      const path = join(folder(), name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
      return { name, path, used: mtimeMs, space: await spaceOf(path) };
    }),
  );
  let total = all.reduce((sum, { space }) => sum + space, 0);
  for (const { name, path, space } of all.sort((a, b) => a.used - b.used)) {
    if (total <= limit || name === kept) continue;
    await rm(path, { recursive: true, force: true });
    total -= space;
  }
}

/** What is known of one template in this process. */
interface Entry {
  /** Guests that were announced and have not asked yet. */
  expected: number;
  /** Guests that have asked. */
  asked: number;
  making?: Promise<void>;
  /** Why guests have to boot. */
  failure?: string;
}

/**
 * The templates that guests are forked of. One is made while the guests that need it first boot, when more will: no guest waits for it. Disposing ends what
 * is being made.
 */
export class Templates implements AsyncDisposable {
  readonly #entries = new Map<string, Entry>();
  readonly #ctx: StageContext;
  readonly #stop = new AbortController();
  readonly #limit: number;
  readonly #jobs: number;

  /** `jobs`: guests that run at the same time. As many begin together, and none of them would have the template in time. */
  constructor({ jobs, limitMiB }: { jobs: number; limitMiB: number }, ctx: StageContext) {
    this.#ctx = { ...ctx, signal: AbortSignal.any([ctx.signal, this.#stop.signal]) };
    this.#limit = limitMiB << 20;
    this.#jobs = jobs;
  }

  #entry(key: string): Entry {
    const entry = this.#entries.get(key) ?? { expected: 0, asked: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Announces a guest that will be requested. */
  async expect(request: GuestRequest, guests = 1): Promise<void> {
    for (const { key } of await variantsOf(request)) this.#entry(key).expected += guests;
  }

  /** What the guest of a request is forked of, or why it boots. */
  async find(request: GuestRequest): Promise<ForkOrigin | { reason: string }> {
    const layout = forkLayout(request);
    if ('reason' in layout) return layout;
    const variants = (await variantsOf(request)).map((variant) => ({
      ...variant,
      willBeMore: this.#count(variant.key),
    }));
    const failure = variants
      .map(({ key }) => this.#entry(key).failure)
      .find((reason) => reason !== undefined);
    if (failure !== undefined) return { reason: failure };
    for (const { key, request: variant } of variants)
      if (await this.#isSound(pathOf(key)))
        return { template: templateIn(pathOf(key)), layout, preloaded: variant.preload?.key };
    const wanted = variants.find(({ willBeMore }) => willBeMore);
    if (wanted) this.#begin(wanted);
    return { reason: 'there was no template yet' };
  }

  /** Counts a request for a template. Returns whether there will be more. */
  #count(key: string): boolean {
    const entry = this.#entry(key);
    const isExpected = entry.expected > 0;
    if (isExpected) entry.expected--;
    entry.asked++;
    // More than run beside this one; a guest that nobody expected is a restart or rerun, of which there are often several.
    return isExpected ? entry.expected >= this.#jobs : entry.asked > 1;
  }

  #begin(variant: Variant): void {
    const entry = this.#entry(variant.key);
    entry.making ??= this.#make(variant, entry).finally(() => delete entry.making);
  }

  /** Notes that a guest could not be forked: the others boot. */
  async giveUp(request: GuestRequest, error: unknown): Promise<string> {
    const reason = `forking it failed: ${errorText(error).split('\n')[0]}`;
    for (const { key } of await variantsOf(request)) this.#entry(key).failure = reason;
    this.#ctx.emit({ type: 'note', note: { code: 'guest.fork-failed', subject: request.name, reason } });
    return reason;
  }

  async #isSound(path: string): Promise<boolean> {
    const { ram } = templateIn(path);
    if (!(await stat(ram).catch(() => undefined))) return false;
    if ((await damageOf(path)) !== undefined) return false;
    // For `evict`.
    const now = new Date();
    await utimes(path, now, now).catch(() => {});
    return true;
  }

  async #make({ key, request, layout }: Variant, entry: Entry): Promise<void> {
    const path = pathOf(key);
    const { signal } = this.#ctx;
    const fill = async (dir: string) => {
      await makeTemplate(request, layout, dir, this.#ctx);
      await seal(dir);
    };
    const isSound = () => this.#isSound(path);
    const discard = () => rm(path, { recursive: true, force: true });
    try {
      await ensureFolder(path, fill, { signal, isSound, discard });
      await evict(this.#limit, key);
    } catch (error) {
      if (signal.aborted) return;
      entry.failure = `making its template failed: ${errorText(error).split('\n')[0]}`;
      const note = { code: 'guest.fork-failed' as const, subject: request.name, reason: entry.failure };
      this.#ctx.emit({ type: 'note', note });
    }
  }

  /** Resolves when no template is being made. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#entries.values()].map(({ making }) => making));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('no more guests are needed'));
    await this.settled();
  }
}
