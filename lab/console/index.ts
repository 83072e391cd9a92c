export type { AttributedComplaint, ScanOptions } from './complaint.ts';
export { ComplaintScanner } from './scanner.ts';
