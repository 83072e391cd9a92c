import type { Problem } from '../core/errors.ts';

/** Bytes of what a series is read from, packed or not: more than any thread has, less than a kernel tarball named by mistake. */
export const SIZE_LIMIT = 48 << 20;

/** Most messages of a source: the longest threads of the kernel's lists have some thousand. */
export const MAX_MESSAGES = 20_000;
/** Most MIME parts of a message, of all messages together, and deepest nesting of parts. */
export const MAX_PARTS = 1000;
export const MAX_MIME_PARTS = 20_000;
export const MAX_NESTING = 20;
/** Most headers of a message or part. */
export const MAX_HEADERS = 10_000;
/** Deepest nesting of forwarded messages that are read. */
export const MAX_FORWARDS = 3;
/** Most patches of a posting, and the largest number of one. */
export const MAX_PATCHES = 1000;
/** Most files that a series changes: treewide changes of licence lines touched some 15,000. */
export const MAX_FILES = 50_000;
/** Most characters of a subject and of the line of a header in a diff, which has two paths of at most 4095 bytes. */
export const MAX_SUBJECT = 1000;
export const MAX_HEADER_LINE = 10_000;
/** Most characters of a date that are kept: RFC 5322 has 31, and comments. */
export const MAX_DATE = 200;
/** Most characters of another line of a diff. */
export const MAX_LINE = 1 << 20;

/** Most trailers that replies add in all, and to every patch. */
export const MAX_TRAILERS = 5000;
export const MAX_COVER_TRAILERS = 100;

/** Most problems and notes of one kind that are reported one by one. */
export const MAX_LISTED = 20;

/** The first problems, with how many more there are. */
export function firstProblems(problems: readonly Problem[]): Problem[] {
  const more = problems.length - MAX_LISTED;
  return [...problems.slice(0, MAX_LISTED), ...(more > 0 ? [{ what: `and ${more} more problems` }] : [])];
}
