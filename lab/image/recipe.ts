import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { parseYaml } from '../model/parse.ts';

/** `images/<name>/recipe.yaml`: what a guest's root file system is made of. Paths are relative to the root, without `/` in front. */
const RecipeFile = z
  .object({
    summary: z.string(),
    /** Debian packages, unpacked without running their scripts: list what they depend on as well. */
    packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/)).min(1),
    /** Files and folders of the packages that no guest needs. */
    drop: z.array(z.string().regex(/^[^/]/)).default([]),
    /** Folders to make, such as mount points. */
    folders: z.array(z.string().regex(/^[^/]/)).default([]),
    /** Programs to compile: path in the root, and the recipe's folder with its C source. */
    compile: z.record(z.string().regex(/^[^/]/), z.string().regex(/^[a-z0-9-]+$/)).default({}),
    /** Snapshots that node can start from: path in the root, the script that is run for it, options of node. */
    snapshots: z
      .record(
        z.string().regex(/^[^/]/),
        z.object({ script: z.string().regex(/^[^/]/), options: z.array(z.string()).default([]) }).strict(),
      )
      .default({}),
    /** Whether the node that runs the lab goes in, stripped, with the libraries it needs. */
    node: z.boolean().default(true),
  })
  .strict();

export interface Recipe extends z.infer<typeof RecipeFile> {
  name: string;
  /** Folder whose files are laid over the packages. */
  overlay: string;
  /** Programs to compile: path in the root and C files, in a fixed order. */
  programs: { target: string; sources: string[] }[];
  /** Hash over recipe, overlay and source: paths, who may run them, contents. */
  hash: string;
}

/** Files below a folder in a fixed order, as full paths. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

const sourceFiles = (folder: string, where: string) =>
  filesBelow(folder).catch((cause) => {
    throw new InputError({ what: `no folder ${basename(folder)} with C source`, where }, { cause });
  });

/** Reads `<imagesDir>/<name>`; throws InputError when there is none or it is not right. */
export async function loadRecipe(name: string, imagesDir: string): Promise<Recipe> {
  const folder = join(imagesDir, name);
  const file = join(folder, 'recipe.yaml');
  const text = await readFile(file, 'utf8').catch(async (cause) => {
    const known = (await readdir(imagesDir).catch(() => [])).join(', ');
    throw new InputError(
      { what: `no image recipe ${name}`, where: file, expected: `one of ${known}` },
      { cause },
    );
  });
  const recipe = parseYaml(RecipeFile, text, file);
  const overlay = join(folder, 'overlay');
  const programs = await Promise.all(
    Object.entries(recipe.compile).map(async ([target, name]) => {
      const files = await sourceFiles(join(folder, name), file);
      return { target, files, sources: files.filter((path) => path.endsWith('.c')) };
    }),
  );
  const parts: string[] = [text];
  for (const path of [...(await filesBelow(overlay)), ...programs.flatMap(({ files }) => files)]) {
    const runnable = ((await stat(path)).mode & 0o100) !== 0;
    parts.push(relative(folder, path), String(runnable), await hashFile(path));
  }
  return { ...recipe, name, overlay, programs, hash: hashOf(...parts) };
}
