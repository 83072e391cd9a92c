import { build } from 'esbuild';

/**
 * Bundles scripts, by their paths, as `NAME.mjs` in a folder: for processes of tests that start often, because loading the sources takes
 * longer than what they do.
 */
export async function bundleScripts(outdir: string, entryPoints: string[]): Promise<void> {
  await build({
    ...{ entryPoints, outdir, outExtension: { '.js': '.mjs' } },
    ...{ bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' },
  });
}
