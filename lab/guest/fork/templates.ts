import { stat, utimes } from 'node:fs/promises';
import { errorText } from '../../core/errors.ts';
import { damageOf, ensureSealed } from '../../core/seal.ts';
import type { StageContext } from '../../model/event.ts';
import type { GuestRequest } from '../../model/machine.ts';
import type { ForkOrigin } from '../boot.ts';
import type { Layout } from '../layout.ts';
import { makeTemplate } from './make.ts';
import { evict, pathOf } from './store.ts';
import { forkLayout, templateIn, templateKey } from './template.ts';

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
    const [best] = variants;
    for (const variant of variants) {
      const path = pathOf(variant.key);
      if (!(await this.#isSound(path))) continue;
      // One without what the guests have to load does for now.
      if (variant !== best && best?.willBeMore) this.#begin(best);
      return { template: templateIn(path), layout, preloaded: variant.request.preload?.key };
    }
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
    const { signal, emit } = this.#ctx;
    const onDamage = (damage: string) =>
      emit({ type: 'note', note: { code: 'cache.damaged', subject: `templates/${key}`, damage } });
    const fill = (dir: string) => makeTemplate(request, layout, dir, this.#ctx);
    try {
      await ensureSealed(pathOf(key), fill, { signal, onDamage });
      await evict(this.#limit, key);
    } catch (error) {
      if (signal.aborted) return;
      entry.failure = `making its template failed: ${errorText(error).split('\n')[0]}`;
      const note = { code: 'guest.fork-failed' as const, subject: request.name, reason: entry.failure };
      emit({ type: 'note', note });
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
