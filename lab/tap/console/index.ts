export { type AttributedComplaint, ComplaintScanner, type ScanOptions } from './scanner.ts';
