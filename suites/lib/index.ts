/** Everything that `ringlab/suite` exports. `api.test.ts` checks that it has all that the project's own suites use. */
export * from './base.ts';
export * from './ublk/index.ts';
