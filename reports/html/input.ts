import type { Comparison } from '../../lab/model/compare.ts';
import type { RunRecord } from '../../lab/model/run.ts';
import type { ReportInput } from '../input.ts';

/** The files of a record, seen from the page. Absent for a record that is no folder: the page then names files without links. */
export interface RecordFolder {
  /** URL of the folder relative to that of the page, without a slash at its end: `.` or `../runs/ID`. */
  href: string;
  /** The command that runs the cell of a spec file again. */
  repeat(specFile: string): string;
  /** The last line of TAP files, by file name: of attempts that did not end well. */
  lastTap: ReadonlyMap<string, string>;
}

/** An earlier run, and what differs between it and the run of the page. */
export interface Against {
  record: RunRecord;
  comparison: Comparison;
  folder?: RecordFolder | undefined;
}

/** Input of the page. */
export interface PageInput extends ReportInput {
  folder?: RecordFolder | undefined;
  /** Earlier runs that the run is compared with, instead of its base with its patched kernels; at most `MAX_AGAINST`. */
  against?: readonly Against[] | undefined;
}

/** The most runs that one run is compared with on a page. */
export const MAX_AGAINST = 4;
