/** Folder of the package: where kernels/, images/ and suites/ lie. Found at run time: a checkout may be moved with its bundle. */
export { packageRoot as projectRoot } from '../../bin/root.mjs';
