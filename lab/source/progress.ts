import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StageContext } from '../model/event.ts';

const INTERVAL_MS = 1000;

/** Bytes of the files in a folder; 0 when there is none. */
function bytesIn(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  } catch {
    // The folder does not exist yet, or apt has renamed a file meanwhile.
    return 0;
  }
}

/** Emits `source.progress` every second with the bytes that another program has written to a folder, until it is disposed of. */
export function watchSize(source: string, folder: string, total: number, ctx: StageContext): Disposable {
  const timer = setInterval(() => {
    const done = Math.min(bytesIn(folder), total);
    if (done > 0) ctx.emit({ type: 'source.progress', source, action: 'download', done, total });
  }, INTERVAL_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
