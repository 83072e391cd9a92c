// `import … from 'ringlab'`: see lab/api/index.ts for the documentation of each function, and examples/ for scripts.
import { openLab } from './open.mjs';

const lab = await openLab();

/** Names have to be written down in a module; api.test.ts compares them with those of lab/api/index.ts. */
export const {
  addSource,
  bench,
  buildEach,
  buildKernel,
  compare,
  ExitCode,
  errorText,
  findSeries,
  firstPatches,
  formatMbox,
  InputError,
  importSeries,
  LabError,
  listSeries,
  listSources,
  mutants,
  planRun,
  RinglabError,
  readRun,
  removeSource,
  report,
  run,
  runCell,
  updateSources,
  VerdictError,
} = await lab.loadApi();
