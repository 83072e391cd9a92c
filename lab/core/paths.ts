import { resolve } from 'node:path';

/** Folder of the project: where kernels/, images/ and suites/ lie. */
export const projectRoot = resolve(import.meta.dirname, '../..');
