import type { Complaint } from '../model/result.ts';

/** A complaint with its kind (`kasan`, `nvme-timeout`, ...) and the test that was running when it began. */
export type AttributedComplaint = Complaint & { kind: string; test?: string };

/** What a caller may ask of a scanner. */
export interface ScanOptions {
  /**
   * Decides how a device's message counts in a test: undefined means `quote`. It is not called for reports of kernel bugs, which
   * are always fatal.
   */
  severity?: (kind: string, test: string | undefined) => 'fatal' | 'quote' | 'ignore' | undefined;
  /**
   * Called with each report of a kernel bug as soon as it is whole, or when the test that it began in ends: its text may then lack its
   * last lines.
   */
  onFatal?: (complaint: AttributedComplaint) => void;
}
