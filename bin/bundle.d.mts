/** See bundle.mjs. */
export function bundle(paths: {
  entry: string;
  outfile: string;
}): Promise<{ contents: Buffer; inputs: string[] }>;
