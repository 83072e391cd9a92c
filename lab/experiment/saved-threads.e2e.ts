import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { VerdictError } from '../core/errors.ts';
import { importSeries } from '../series/index.ts';
import { applySeries, resolveSource } from '../source/index.ts';

/** Real series on real kernels: neither applies as it was posted, and each has to say where. */
const { RINGLAB_SEEDS } = process.env;
const skip = RINGLAB_SEEDS ? false : 'RINGLAB_SEEDS names no folder of saved threads';
const ctx = { signal: new AbortController().signal, emit: () => {} };

for (const { number, kernel } of [
  { number: 2, kernel: 'debian-6.12' },
  { number: 4, kernel: 'debian-6.1' },
]) {
  t.test(`saved thread ${number} on ${kernel}`, { skip, timeout: 600_000 }, async (t) => {
    const dir = RINGLAB_SEEDS ?? '';
    const file = (await readdir(dir)).sort()[number] ?? '';
    const series = await importSeries(join(dir, file), {}, ctx);
    const base = await resolveSource({ kernel }, ctx);
    const error: unknown = await applySeries(base, series, ctx).catch((reason: unknown) => reason);
    if (!(error instanceof VerdictError)) throw new Error(`no verdict but ${error}`);
    t.match(error, { verdict: 'apply-failed', exitCode: 1 });
    t.match(
      error.message,
      /^patch \d\/\d ".*" does not apply to debian-6\.\d+: \S+\.[ch], hunk \d+ at line \d+/,
    );
    t.match(error.detail, /\nrejected: \S+, hunk \d+ at line \d+\n@@ -/);
  });
}
