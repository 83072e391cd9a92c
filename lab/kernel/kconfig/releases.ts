/** A release of the kernel: 7.3 is `{ major: 7, minor: 3 }`. */
export interface Release {
  major: number;
  minor: number;
}

/** The releases that a line of a fragment is for, both ends included. */
export interface ReleaseRange {
  since?: Release;
  until?: Release;
}

const RANGE = /^#\s*\[(\s*(?:since|until)\b[^\]]*)(\]?)/i;
const LIMIT = /^(since|until) (\d{1,5})\.(\d{1,5})$/;

/** How a range is written in a fragment, for messages. */
export const RANGE_FORM = '# [since 6.2], # [until 7.2] or # [since 6.2, until 7.2], then why';

const compare = (a: Release, b: Release) => a.major - b.major || a.minor - b.minor;

/**
 * The range in a comment of a fragment: `# [since 6.2, until 7.2] why`. `malformed`: the comment begins as a range but is none, or no
 * release is in it. Undefined for any other line.
 */
export function parseRange(line: string): ReleaseRange | 'malformed' | undefined {
  const [, limits, bracket] = RANGE.exec(line) ?? [];
  if (limits === undefined) return undefined;
  const range: ReleaseRange = {};
  for (const limit of limits.split(',')) {
    const [, end, major, minor] = LIMIT.exec(limit.trim()) ?? [];
    if ((end !== 'since' && end !== 'until') || range[end]) return 'malformed';
    range[end] = { major: Number(major), minor: Number(minor) };
  }
  const { since, until } = range;
  const isEmpty = since !== undefined && until !== undefined && compare(since, until) > 0;
  return bracket === '' || isEmpty ? 'malformed' : range;
}

/** Whether a release is in a range; an unknown release is in none. */
export function isIn(release: Release | undefined, { since, until }: ReleaseRange): boolean {
  if (!release) return false;
  return (!since || compare(release, since) >= 0) && (!until || compare(release, until) <= 0);
}
