import { readFile } from 'node:fs/promises';
import { packageRoot } from './root.mjs';

/**
 * Stay outside: esbuild starts a program, ssh2 and better-sqlite3 load native addons, all by paths relative to their own files. pg asks for
 * an optional package that is not installed.
 */
const EXTERNAL = ['esbuild', 'ssh2', 'better-sqlite3', 'pg'];
/** An empty source map. Traces need a map of our TypeScript only; those of the packages would be three quarters of the bundle. */
const NO_MAP = `//# sourceMappingURL=data:application/json;base64,${Buffer.from('{"version":3,"sources":[""],"mappings":"A"}').toString('base64')}`;
/** What CommonJS packages expect to find in their scope; an ES module has none of it. */
const COMMONJS_SCOPE = `import { createRequire as createRequire_ } from 'node:module';
const require = createRequire_(import.meta.url);
const __filename = import.meta.filename, __dirname = import.meta.dirname;`;

const packagesWithoutMaps = {
  name: 'packages-without-maps',
  setup(build) {
    build.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => ({
      contents: `${await readFile(path, 'utf8')}\n${NO_MAP}`,
      loader: 'js',
    }));
  },
};

/**
 * Bundles a module, with the packages that it imports, to one ES module that runs at any place below the package's folder.
 * Without it every command would begin with a second and a half of loading some 900 files. `import.meta` is the bundle's then:
 * modules take paths from `packageRoot` (root.mjs).
 * @param {{ entry: string, outfile: string }} paths relative to the package's folder; nothing is written to `outfile`, the
 *   source map's paths are relative to it
 * @returns {Promise<{ contents: Buffer, inputs: string[] }>} the bundle, and the files that it was made from, relative to the
 *   package's folder. Rejects with esbuild's BuildFailure (`errors`) when a source does not compile.
 */
export async function bundle({ entry, outfile }) {
  const { build } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: packageRoot,
    outfile,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: EXTERNAL,
    plugins: [packagesWithoutMaps],
    banner: { js: COMMONJS_SCOPE },
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent',
  });
  return { contents: Buffer.from(outputFiles[0].contents), inputs: Object.keys(metafile.inputs) };
}
