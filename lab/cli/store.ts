import { single } from './options.ts';

/** Where the history is; `run`, `bench` and `mutants` have it too. */
export const storeOption = () =>
  single(
    '--store <place>',
    'the history: a file, or postgres://USER@HOST/DATABASE (default: $RINGLAB_STORE, else history.db in the state folder)',
  );
