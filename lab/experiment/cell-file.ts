import { runCell } from '../cell/run.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { RecordOptions } from './recorder.ts';
import { type Run, recorded } from './run.ts';
import { cachedArtefacts, checkArtefacts } from './session.ts';

/** The plan that has this cell and no other. */
function planOf(spec: CellSpec): Plan {
  const { profile, suite, only, seed, kernelArgs, qemuArgs, known, accel, deadlines, kernel } = spec;
  return {
    ...{ sources: [], withBase: false, repeats: 1, jobs: 1 },
    config: { start: 'stored', fragments: [], debug: kernel.debug },
    pairs: [{ profile, suite: { ...suite, dir: '' } }],
    ...{ only, seed, kernelArgs, qemuArgs, known, accel, bootTimeoutMs: deadlines.bootMs },
  };
}

/**
 * Runs the cell of a spec with the artefacts of the cache, and records it as a run of one cell, which may lack what `options.allow` says. Throws one InputError with every
 * artefact that the cache does not have.
 */
export async function runCellSpec(
  spec: CellSpec,
  options: RecordOptions & Pick<Plan, 'allow'>,
  ctx: StageContext,
): Promise<Run> {
  const { id, key } = spec.kernel;
  await checkArtefacts(spec, cachedArtefacts(''));
  return recorded(
    { ...planOf(spec), allow: options.allow },
    [],
    options,
    async (recorder) => {
      const kernel = { id, name: id, side: spec.side, key, warnings: [], newWarnings: [] };
      recorder.ctx.emit({ type: 'kernel.ready', kernel });
      await recorder.keepFiles();
      await runCell(spec, cachedArtefacts(recorder.dir), recorder.ctx);
    },
    ctx,
  );
}
