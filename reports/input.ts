import type { Comparison } from '../lab/model/compare.ts';
import type { RunRecord } from '../lab/model/run.ts';

/** What every renderer is given. */
export interface ReportInput {
  record: RunRecord;
  /** Of the record's two sides, or of two runs (then `record` is the later one). */
  comparison?: Comparison | undefined;
  /** picocolors or the like, for a terminal; without it the text is plain. */
  colors?: Colors;
}

/** The few colours that the text report uses. */
export interface Colors {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

export const plain: Colors = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
  yellow: (text) => text,
};
