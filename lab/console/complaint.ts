import type { Complaint } from '../model/result.ts';

/** A complaint with its kind (`kasan`, `nvme-timeout`, ...) and the test that was running when it began. */
export type AttributedComplaint = Complaint & { kind: string; test?: string };

export interface ScanOptions {
  /**
   * Says how a device's noise counts in a test; without an answer it is quoted and not fatal. Reports of kernel bugs are
   * always fatal and are not asked about.
   */
  severity?: (kind: string, test: string | undefined) => 'fatal' | 'quote' | 'ignore' | undefined;
}
