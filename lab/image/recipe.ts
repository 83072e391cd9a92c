import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { parseYaml } from '../model/parse.ts';

const RootPath = z.string().regex(/^[^/]/, 'a path relative to the root of the image');

/** `images/<name>/recipe.yaml`: the contents of a guest's root file system. */
const RecipeFile = z
  .object({
    summary: z.string(),
    /** Debian packages. They are unpacked without their scripts and dependencies: list the libraries that they need. */
    packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/)).min(1),
    /** Files and folders of the packages to remove. */
    drop: z.array(RootPath).default([]),
    /** Folders to create, such as mount points. */
    folders: z.array(RootPath).default([]),
    /** Programs to compile: target path -> folder of the recipe with C source. */
    compile: z.record(RootPath, z.string().regex(/^[a-z0-9-]+$/)).default({}),
    /** Shell steps (bash) run in the root folder after everything else but snapshots, sandboxed, with only that folder writable. */
    customize: z.array(z.string().min(1)).default([]),
    /** Startup snapshots of node: target path -> script to run for it, and options of node. */
    snapshots: z
      .record(RootPath, z.object({ script: RootPath, options: z.array(z.string()).default([]) }).strict())
      .default({}),
    /** Whether to add the node that runs the lab, stripped, with its libraries. */
    node: z.boolean().default(true),
  })
  .strict();

/** A recipe with the files of its folder. */
export interface Recipe extends z.infer<typeof RecipeFile> {
  name: string;
  /** Path of recipe.yaml. */
  file: string;
  /** Folder whose files are copied over those of the packages. */
  overlay: string;
  /** Programs to compile: target path, and C files in a fixed order. */
  programs: { target: string; sources: string[] }[];
  /** Hash of recipe.yaml, and of path, executable bit and content of each file of overlay and programs. */
  hash: string;
}

/** Full paths of all files below a folder, sorted. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

const sourceFiles = (folder: string, where: string) =>
  filesBelow(folder).catch((cause) => {
    throw new InputError({ what: `no folder ${basename(folder)} with C source`, where }, { cause });
  });

/** Reads `<imagesDir>/<name>`. Throws InputError when there is no such recipe, or it is malformed. */
export async function loadRecipe(name: string, imagesDir: string): Promise<Recipe> {
  const folder = join(imagesDir, name);
  const file = join(folder, 'recipe.yaml');
  const text = await readFile(file, 'utf8').catch(async (cause) => {
    const names = (await readdir(imagesDir).catch(() => [])).join(', ');
    throw new InputError(
      { what: `no image recipe ${name}`, where: file, expected: `one of ${names}` },
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
    const executable = ((await stat(path)).mode & 0o100) !== 0;
    parts.push(relative(folder, path), String(executable), await hashFile(path));
  }
  return { ...recipe, name, file, overlay, programs, hash: hashOf(...parts) };
}
