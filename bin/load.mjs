// Loads the lab as one script, bundled when a source has changed: as it lies, from some 900 files through a loader of
// TypeScript, every command would begin with a second and a half of waiting.
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = dirname(import.meta.dirname);
const folder = join(root, 'bin/build');
const entry = join(root, 'lab/cli/main.ts');

/** Brings a program, or a native addon by path: stay where they are. */
const EXTERNAL = ['esbuild', 'ssh2'];
/** A map that maps nothing: traces are to show our TypeScript; the packages' maps are three quarters of all. */
const NO_MAP = `//# sourceMappingURL=data:application/json;base64,${Buffer.from('{"version":3,"sources":[""],"mappings":"A"}').toString('base64')}`;
const REQUIRE =
  "import { createRequire as createRequire_ } from 'node:module'; const require = createRequire_(import.meta.url);";

const token = async (path) => {
  const { size, mtimeMs } = await stat(path);
  return `${size} ${mtimeMs}`;
};

/** What a module says of its own place is to stay true in the bundle; as in node. */
const place = {
  name: 'place',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]s$/ }, async ({ path }) => {
      const foreign = path.includes('/node_modules/');
      const text = await readFile(path, 'utf8');
      if (!foreign && !text.includes('import.meta')) return undefined;
      const own = text
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('import.meta.filename', JSON.stringify(path))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      // CommonJS, which no module of ours is.
      const contents = foreign
        ? own
            .replace(/(?<![.\w$])__dirname\b/g, () => JSON.stringify(dirname(path)))
            .replace(/(?<![.\w$])__filename\b/g, () => JSON.stringify(path))
        : own;
      return {
        contents: foreign ? `${contents}\n${NO_MAP}` : contents,
        loader: /\.[cm]?ts$/.test(path) ? 'ts' : 'js',
      };
    });
  },
};

async function bundle() {
  const [{ build }, { default: writeFile }] = await Promise.all([
    import('esbuild'),
    import('write-file-atomic'),
  ]);
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    outfile: join(folder, 'lab.mjs'),
    ...{ bundle: true, write: false, metafile: true, platform: 'node', format: 'esm', target: 'node20' },
    ...{ external: EXTERNAL, plugins: [place], banner: { js: REQUIRE } },
    ...{ sourcemap: 'inline', sourcesContent: false, logLevel: 'silent' },
  });
  await mkdir(folder, { recursive: true });
  // A process that was started before may still be about to load an older one.
  const name = `lab-${Date.now()}-${process.pid}.mjs`;
  const paths = ['package-lock.json', 'bin/load.mjs', ...Object.keys(metafile.inputs)];
  const sources = await Promise.all(paths.map(async (path) => [path, await token(join(root, path))]));
  // Whole or not at all: another ringlab may be reading.
  await writeFile(join(folder, name), Buffer.from(outputFiles[0].contents));
  await writeFile(join(folder, 'lab.json'), JSON.stringify({ name, sources }));
  const old = (await readdir(folder))
    .filter((file) => file.endsWith('.mjs'))
    .sort()
    .slice(0, -4);
  await Promise.all(old.map((file) => rm(join(folder, file), { force: true })));
  return join(folder, name);
}

/** The bundle made last, when all that it was made from is as it was. */
async function present() {
  try {
    const { name, sources } = JSON.parse(await readFile(join(folder, 'lab.json'), 'utf8'));
    const same = await Promise.all(
      sources.map(async ([path, was]) => (await token(join(root, path))) === was),
    );
    return same.every(Boolean) ? join(folder, name) : undefined;
  } catch {
    return undefined;
  }
}

/** The module lab/cli/main.ts. In a checkout that cannot be written to it is loaded as it lies. */
export async function loadLab() {
  let path = await present();
  try {
    path ??= await bundle();
  } catch (error) {
    // A source that does not compile is tsx's to tell of, too.
    if (!error.errors && !error.syscall) throw error;
    const { register } = await import('tsx/esm/api');
    register();
    return import(pathToFileURL(entry).href);
  }
  process.setSourceMapsEnabled(true);
  return import(pathToFileURL(path).href);
}
