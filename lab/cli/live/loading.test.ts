import { build } from 'esbuild';
import t from 'tap';
import { projectRoot } from '../../core/paths.ts';

/** Files that are loaded with `entry`: what it imports, and what that imports, but for `import()`. */
async function loadedWith(entry: string): Promise<Set<string>> {
  const options = { bundle: true, write: false, metafile: true, platform: 'node', format: 'esm' } as const;
  const external = ['esbuild', 'ssh2'];
  const { metafile } = await build({
    ...options,
    external,
    entryPoints: [entry],
    absWorkingDir: projectRoot,
  });
  const loaded = new Set<string>();
  const add = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind } of metafile.inputs[file]?.imports ?? [])
      if (kind !== 'dynamic-import') add(path);
  };
  add(entry);
  return loaded;
}

t.test('what draws the live view is not loaded by commands that show none', async (t) => {
  const isDrawing = (file: string) => /node_modules\/(log-update|cli-truncate|string-width)\//.test(file);
  t.ok([...(await loadedWith('lab/cli/live/view.ts'))].some(isDrawing), 'with the view it is');
  for (const verb of ['run', 'series', 'doctor']) {
    const files = [...(await loadedWith(`lab/cli/${verb}.ts`))];
    t.ok(files.includes('lab/cli/render.ts'), `${verb} reports progress`);
    t.same(files.filter(isDrawing), [], verb);
  }
});
