import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { nearNames } from '../core/near.ts';
import { parseYaml } from '../model/parse.ts';
import { PackageNames } from '../model/suite.ts';

const RootPath = z.string().regex(/^[^/]/, 'a path relative to the root of the image');

/** `images/<name>/recipe.yaml`: the contents of a guest's root file system. */
const RecipeFile = z
  .object({
    summary: z.string(),
    /** Name of a recipe under `images/`: its image lies below the files of this one. */
    extend: z.string().optional(),
    /** Debian packages. They are unpacked without their scripts and dependencies: list the libraries that they need. */
    packages: PackageNames.default([]),
    /** Debian packages that are unpacked with what they depend on, as those of `--packages`. */
    install: PackageNames.default([]),
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
export interface Recipe extends Omit<z.infer<typeof RecipeFile>, 'extend'> {
  name: string;
  /** Path of recipe.yaml. */
  file: string;
  /** Folders whose files are copied over those of the packages, in this order. */
  overlays: string[];
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

/** Whether the user gave the path of a recipe's folder, not a name. */
const isPath = (recipe: string): boolean => recipe.includes('/') || recipe === '.' || recipe === '..';

/** Text of a recipe.yaml. Throws InputError when there is no such recipe. */
async function readRecipe(recipe: string, file: string, imagesDir: string): Promise<string> {
  return readFile(file, 'utf8').catch(async (cause) => {
    const names = (await readdir(imagesDir).catch(() => [])).sort();
    const near = nearNames(recipe, names);
    const expected = isPath(recipe)
      ? 'a folder with a recipe.yaml'
      : `${near.length > 0 ? `perhaps ${near.join(' or ')}; ` : ''}one of ${names.join(', ')}, or the path of a folder with a recipe.yaml`;
    throw new InputError({ what: `no image recipe ${recipe}`, where: file, expected }, { cause });
  });
}

/** A recipe that extends another: packages, folders and steps of both, its own files on top. */
function onTop(recipe: Recipe, below: Recipe): Recipe {
  return {
    ...recipe,
    packages: [...new Set([...below.packages, ...recipe.packages])],
    install: [...new Set([...below.install, ...recipe.install])],
    drop: [...below.drop, ...recipe.drop],
    folders: [...below.folders, ...recipe.folders],
    customize: [...below.customize, ...recipe.customize],
    snapshots: { ...below.snapshots, ...recipe.snapshots },
    overlays: [...below.overlays, ...recipe.overlays],
    programs: [...below.programs, ...recipe.programs],
    hash: hashOf(below.hash, recipe.hash),
  };
}

/**
 * Reads the recipe `<imagesDir>/<name>`, or that of a folder (a name with `/`), with what it extends. Throws InputError when there is no
 * such recipe, it is malformed, or recipes extend one another in a circle; `above`: names of the recipes that extend it.
 */
export async function loadRecipe(
  recipe: string,
  imagesDir: string,
  above: readonly string[] = [],
): Promise<Recipe> {
  const folder = isPath(recipe) ? resolve(recipe) : join(imagesDir, recipe);
  const file = join(folder, 'recipe.yaml');
  const text = await readRecipe(recipe, file, imagesDir);
  const { extend, ...fields } = parseYaml(RecipeFile, text, file);
  if (extend !== undefined && [...above, recipe].includes(extend))
    throw new InputError({
      what: `recipes extend one another in a circle: ${[...above, recipe, extend].join(' -> ')}`,
      where: file,
    });
  if (extend === undefined && fields.packages.length === 0)
    throw new InputError({
      what: 'neither packages nor extend',
      where: file,
      expected: 'extend: minimal, or the packages of a whole system',
    });
  const overlay = join(folder, 'overlay');
  const hasOverlay = await exists(overlay);
  const programs = await Promise.all(
    Object.entries(fields.compile).map(async ([target, name]) => {
      const files = await sourceFiles(join(folder, name), file);
      return { target, files, sources: files.filter((path) => path.endsWith('.c')) };
    }),
  );
  const parts: string[] = [text];
  const overlayFiles = hasOverlay ? await filesBelow(overlay) : [];
  for (const path of [...overlayFiles, ...programs.flatMap(({ files }) => files)]) {
    const executable = ((await stat(path)).mode & 0o100) !== 0;
    parts.push(relative(folder, path), String(executable), await hashFile(path));
  }
  const loaded = {
    ...{ ...fields, name: basename(folder), file, programs, hash: hashOf(...parts) },
    overlays: hasOverlay ? [overlay] : [],
  };
  return extend === undefined
    ? loaded
    : onTop(loaded, await loadRecipe(extend, imagesDir, [...above, recipe]));
}
