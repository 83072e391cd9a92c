import type { Problem } from '../../core/errors.ts';

/** One assignment of a config file. `# CONFIG_X is not set` is the value `n`. */
export interface ConfigLine {
  symbol: string;
  /** As written: `y`, `m`, `n`, a number, or a quoted string. */
  value: string;
  /** `file:line`. */
  where: string;
}

const ASSIGNMENT = /^CONFIG_(\w+)=(.*)$/;
const NOT_SET = /^# CONFIG_(\w+) is not set$/;

/** Parses a config file or fragment. Lines that are neither assignment nor comment are added to `problems`. */
export function parseConfig(text: string, file: string, problems: Problem[]): ConfigLine[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trimEnd();
    const where = `${file}:${index + 1}`;
    const off = NOT_SET.exec(line)?.[1];
    if (off !== undefined) return { symbol: off, value: 'n', where };
    const [, symbol, value] = ASSIGNMENT.exec(line) ?? [];
    if (symbol !== undefined && value) return { symbol, value, where };
    if (line !== '' && !line.startsWith('#')) {
      const expected = 'CONFIG_NAME=value, # CONFIG_NAME is not set, or a comment';
      problems.push({ what: `not a config line: ${line.slice(0, 80)}`, where, expected });
    }
    return [];
  });
}

/** The values of a finished `.config` by symbol; a symbol that is absent is off. */
export function configValues(text: string): Map<string, string> {
  return new Map(parseConfig(text, '', []).map(({ symbol, value }) => [symbol, value]));
}
