export type { AttributedComplaint, ScanOptions } from './complaint.ts';
export { type DecodableKernel, decodeComplaints } from './decode.ts';
export { ComplaintScanner } from './scanner.ts';
