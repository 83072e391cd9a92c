import type { Comparison } from '../lab/model/compare.ts';
import type { RunRecord } from '../lab/model/run.ts';

/** Input of every renderer. */
export interface ReportInput {
  record: RunRecord;
  /** Of the record's base and patched kernels, or of two runs, of which `record` is the later one. */
  comparison?: Comparison | undefined;
  /** picocolors or the like, for a text report on a terminal; absent: the text is plain. */
  colors?: Colors | undefined;
  /** Address where readers find the folder of the record, without a slash at its end; absent: it is not published. */
  url?: string | undefined;
  /** Of a mail: who sends it, `Name <address>`. */
  sender?: string | undefined;
  /** Of KCIDB: the CI system that reports, `[a-z0-9_]+`; absent: `ringlab`. */
  origin?: string | undefined;
}

/** The colours of the text report. */
export interface Colors {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Adds no colour. */
export const plain: Colors = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
  yellow: (text) => text,
};
