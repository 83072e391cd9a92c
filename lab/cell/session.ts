import type { Templates } from '../guest/index.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StoredKernel } from '../model/kernel.ts';
import type { Image } from '../model/machine.ts';
import type { Budget } from './limits.ts';

/**
 * Finds the artefacts that a cell spec names. Each look-up throws InputError when the cache does not have the artefact: a spec
 * runs only where it was made or was brought to.
 */
export interface CellSession {
  /** Folder of the run record, where TAP and console logs are kept. */
  readonly recordDir: string;
  /** What its cells may still print, and what of it the record still takes. */
  /** What guests are forked of, or why all boot. */
  readonly templates: Templates | { reason: string };
  readonly budgets: { output: Budget; console: Budget; results: Budget };
  kernel(key: string): Promise<StoredKernel>;
  image(image: CellSpec['image']): Promise<Image>;
  /** Folder of a payload. */
  payload(payload: CellSpec['payload']): Promise<string>;
}
