import { linkTarget, pathFlaw } from '../model/tree-path.ts';
import { oneLine } from '../model/visible.ts';
import { type GitOptions, git } from './git.ts';
import type { TreeChange } from './tree-changes.ts';

const LINK = '120000';
const FILE = /^100(?:644|755)$/;

/** Most bytes of a link's target and of a .gitattributes that are read. */
const SMALL = 64 << 10;

/** Attributes that change nothing of what a checkout writes (gitattributes(5)). */
const HARMLESS = /^[-!]?(?:diff|merge|binary|whitespace|conflict-marker-size|linguist-[\w-]+)(?:=|$)/;

/** What is known about the tree in which entries are judged. */
export interface JudgedTree {
  tree: string;
  sizes: ReadonlyMap<string, number>;
  git: GitOptions;
}

/** Whether a path of the tree is a regular file below real folders: ls-tree follows no link. */
async function isRegular(path: string, { tree, git: options }: JudgedTree): Promise<boolean> {
  const args = ['--literal-pathspecs', 'ls-tree', '-z', '--full-tree', tree, '--', path];
  return FILE.test((await git(args, options)).stdout.slice(0, 6));
}

async function contentOf(object: string, judged: JudgedTree): Promise<string | undefined> {
  if ((judged.sizes.get(object) ?? Number.POSITIVE_INFINITY) > SMALL) return undefined;
  return (await git(['cat-file', 'blob', object], judged.git)).stdout;
}

/**
 * Why a link may not be made. It may lead to a regular file of the tree by a way without other links: then it never leaves the tree,
 * and links never form a circle, whatever later patches do. The links that kernel patches add are such (shared sources of
 * selftests, aliases of headers and device trees).
 */
async function linkFlaw(path: string, object: string, judged: JudgedTree): Promise<string | undefined> {
  const target = await contentOf(object, judged);
  if (target === undefined) return `its target has more than ${SMALL} bytes`;
  const shown = `its target "${oneLine(target, 200)}"`;
  const place = linkTarget(path, target);
  if ('flaw' in place) return `${shown} ${place.flaw}`;
  if (await isRegular(place.path, judged)) return undefined;
  return `${shown} is no regular file of the tree`;
}

/** Attributes of the file that would change what a checkout writes, so that the built text is not that of the tree. */
async function attributesFlaw(object: string, judged: JudgedTree): Promise<string | undefined> {
  const text = await contentOf(object, judged);
  if (text === undefined) return `it has more than ${SMALL} bytes`;
  const lines = text.split('\n').map((line) => line.trim());
  const attributes = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) =>
      line
        .replace(/^"(?:[^"\\]|\\.)*"/, 'pattern')
        .split(/\s+/)
        .slice(line.startsWith('[attr]') ? 0 : 1),
    );
  const strange = attributes.find((attribute) => !HARMLESS.test(attribute));
  return strange === undefined ? undefined : `it sets "${oneLine(strange, 60)}"`;
}

const isAttributesFile = (path: string) => /(?:^|\/)\.gitattributes$/i.test(path);

/** Whether `entryFlaw` reads the object of a change: a link, or attributes. */
export const isRead = ({ path, to }: TreeChange): boolean =>
  to !== undefined && (to.mode === LINK || isAttributesFile(path));

/** Why a new or changed entry of a tree is refused; undefined when it is not. */
export async function entryFlaw({ path, to }: TreeChange, judged: JudgedTree): Promise<string | undefined> {
  if (!to) return undefined;
  const shown = `"${oneLine(path, 200)}"`;
  const name = pathFlaw(path);
  if (name) return `${name}: ${shown} (mode ${to.mode})`;
  const isAttributes = isAttributesFile(path);
  if (to.mode === LINK) {
    const flaw = isAttributes ? 'git would not follow it' : await linkFlaw(path, to.object, judged);
    return flaw && `a symbolic link: ${shown} (mode ${LINK}): ${flaw}`;
  }
  if (!FILE.test(to.mode)) return `a submodule: ${shown} (mode ${to.mode})`;
  const flaw = isAttributes ? await attributesFlaw(to.object, judged) : undefined;
  return flaw && `attributes that change files at checkout: ${shown} (mode ${to.mode}): ${flaw}`;
}
