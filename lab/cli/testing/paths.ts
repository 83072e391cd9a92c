import { dirname, posix } from 'node:path';
import type { Project } from './project.ts';

/** `*`, `<name>` and `NAME` stand for a part of one name, `NNNN` for a number. */
const patternOf = (path: string) =>
  new RegExp(
    `^${path
      .replace(/[.+]/g, '\\$&')
      .replace(/<[^>]*>|\*+|\bNAME\b/g, '[^/]*')
      .replace('NNNN', '\\d{4}')}$`,
  );

/** Folders that a checkout makes, and the folder of programs in an image. */
const isOutside = (path: string, file: string) =>
  /(^|\/)(build|dist)(\/|$)/.test(path) || (/^(lab\/image|images)\//.test(file) && path.startsWith('bin/'));

/** A path is given from the root, from the folder of the text, or (names of files) from any folder. */
export function pathExists(path: string, file: string, { paths, rooms }: Project): boolean {
  const clean = path.replace(/\/+$/, '');
  const places = [clean, posix.normalize(posix.join(dirname(file), clean))];
  if (isOutside(clean, file) || places.some((place) => paths.has(place))) return true;
  const patterns = places.map(patternOf);
  const [first = ''] = clean.split('/');
  if (!rooms.has(first) && first !== '..')
    patterns.push(new RegExp(patternOf(clean).source.replace('^', '/')));
  return [...paths].some((each) => patterns.some((pattern) => pattern.test(each)));
}
