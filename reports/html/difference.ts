/** What a failed assertion expected and what it got. */
export interface Difference {
  quantity?: string;
  expected: string;
  got: string;
}

/** A scalar of a YAML block: strings may be quoted. */
function scalar(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

const field = (detail: string, key: string): string | undefined => {
  const value = new RegExp(`^${key}: (.+)$`, 'm').exec(detail)?.[1];
  return value === undefined ? undefined : scalar(value);
};

/** Diagnostics that a page shows apart from the others. */
const SHOWN = /^(?:duration_ms|class|message|expected|got): .*\n?/gm;

/** The diagnostics of a failed assertion without what its difference has already. */
export const restOf = (detail: string): string => detail.replace(SHOWN, '');

/**
 * The parts of a reason `quantity: expected X, got Y` (suites/lib/difference.ts). The TAP diagnostics have both values uncut; undefined
 * where neither has them.
 */
export function differenceOf(reason = '', detail = ''): Difference | undefined {
  const parts = /^(?:(.+?): )?expected (.+), got (.+)$/s.exec(reason);
  const expected = field(detail, 'expected') ?? parts?.[2];
  const got = field(detail, 'got') ?? parts?.[3];
  if (expected === undefined || got === undefined) return undefined;
  return { ...(parts?.[1] === undefined ? {} : { quantity: parts[1] }), expected, got };
}
