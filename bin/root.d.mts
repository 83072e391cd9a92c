/** Absolute path of the package's folder, found at run time. */
export const packageRoot: string;
