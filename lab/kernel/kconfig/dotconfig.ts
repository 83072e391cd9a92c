import type { Problem } from '../../core/errors.ts';
import { parseRange, RANGE_FORM, type ReleaseRange } from './releases.ts';

/** One assignment of a config file. `# CONFIG_X is not set` is the value `n`. */
export interface ConfigLine {
  symbol: string;
  /** As written: `y`, `m`, `n`, a number, or a quoted string. */
  value: string;
  /** `file:line`. */
  where: string;
  /** The kernels that the line is for; absent: all. */
  releases?: ReleaseRange;
}

const ASSIGNMENT = /^CONFIG_(\w+)=(.*)$/;
const NOT_SET = /^# CONFIG_(\w+) is not set$/;

function assignmentIn(line: string): Pick<ConfigLine, 'symbol' | 'value'> | undefined {
  const off = NOT_SET.exec(line)?.[1];
  if (off !== undefined) return { symbol: off, value: 'n' };
  const [, symbol, value] = ASSIGNMENT.exec(line) ?? [];
  return symbol !== undefined && value ? { symbol, value } : undefined;
}

/**
 * Parses a config file or fragment. A comment with a range of releases (`parseRange`) limits the next assignment to them. Lines that are
 * neither assignment nor comment, and ranges that are malformed or have no assignment below them, are added to `problems`.
 */
export function parseConfig(text: string, file: string, problems: Problem[]): ConfigLine[] {
  const lines: ConfigLine[] = [];
  let range: { releases: ReleaseRange; where: string } | undefined;
  const dropRange = () => {
    if (range) problems.push({ what: 'no option follows this range of releases', where: range.where });
    range = undefined;
  };
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    const where = `${file}:${index + 1}`;
    const assignment = assignmentIn(line);
    const releases = parseRange(line);
    if (assignment) {
      lines.push({ ...assignment, where, ...(range ? { releases: range.releases } : {}) });
      range = undefined;
    } else if (releases !== undefined) {
      dropRange();
      if (releases === 'malformed')
        problems.push({ what: `no range of releases: ${line.slice(0, 80)}`, where, expected: RANGE_FORM });
      else range = { releases, where };
    } else if (line === '') dropRange();
    else if (!line.startsWith('#')) {
      const expected = 'CONFIG_NAME=value, # CONFIG_NAME is not set, or a comment';
      problems.push({ what: `not a config line: ${line.slice(0, 80)}`, where, expected });
    }
  }
  dropRange();
  return lines;
}

/** The values of a finished `.config` by symbol; a symbol that is absent is off. */
export function configValues(text: string): Map<string, string> {
  return new Map(parseConfig(text, '', []).map(({ symbol, value }) => [symbol, value]));
}
