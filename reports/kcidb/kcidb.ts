import { visibleJson } from '../../lab/model/visible.ts';
import type { ReportInput } from '../input.ts';
import { buildOf, checkoutOf } from './kernels.ts';
import type { Kcidb } from './schema.ts';
import { testsOf } from './tests.ts';
import { placeOf } from './values.ts';

/** A run in KCIDB's I/O schema 5.3: a checkout and a build for each kernel, the tests of each cell. */
export function kcidbOf(input: ReportInput): Kcidb {
  const { record } = input;
  const place = placeOf(input);
  const built = new Set(
    record.kernels.filter(({ failure }) => failure?.verdict !== 'apply-failed').map(({ id }) => id),
  );
  return {
    version: { major: 5, minor: 3 },
    checkouts: record.kernels.map((kernel) => checkoutOf(record, kernel, place)),
    builds: record.kernels.flatMap((kernel) => buildOf(record, kernel, place)),
    tests: record.cells
      .filter(({ kernel }) => built.has(kernel))
      .flatMap((cell) => testsOf(record, cell, place)),
  };
}

/** The JSON that KCIDB takes by POST to `/submit`. */
export const renderKcidb = (input: ReportInput): string =>
  `${visibleJson(JSON.stringify(kcidbOf(input), null, 2))}\n`;
