import type { RunRecord } from '../../lab/model/run.ts';
import { oneLine } from '../escape.ts';
import type { ReportInput } from '../input.ts';
import { WIDTH } from './headers.ts';

/** A word for a shell. */
const quoted = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${oneLine(word).replaceAll("'", "'\\''")}'`;

/** Columns before a command. */
const INDENT = '        ';

/** Each option with its value, so that no line ends between the two. */
function withValues(words: readonly string[]): string[] {
  const parts: string[] = [];
  for (const word of words) {
    const option = parts.at(-1);
    if (option && /^--?[\w-]+$/.test(option) && !word.startsWith('-'))
      parts.splice(-1, 1, `${option} ${word}`);
    else parts.push(word);
  }
  return parts;
}

/** A command in lines of at most 78 columns, continued by backslashes. A single longer word stays whole: it would not run otherwise. */
function commandLines(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of withValues(words.map(quoted))) {
    const isEmpty = line.trim() === '';
    if (!isEmpty && line.length + word.length + 3 > WIDTH) {
      lines.push(`${line} \\`);
      line = `${INDENT}    `;
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** Names that a command may repeat: those whose tests broke first, a few of them. */
const MOST = 3;

function placesOf({ comparison }: ReportInput) {
  const broken = (comparison?.tests ?? []).filter(({ change }) => change === 'regressed' || change === 'new');
  const places = new Map(
    broken.map(({ profile, suite }) => [JSON.stringify([profile, suite]), { profile, suite }]),
  );
  return [...places.values()].slice(0, MOST);
}

const sourceWords = ({ plan }: RunRecord): string[] =>
  (plan?.sources ?? []).flatMap(({ kernel, base }) =>
    kernel === undefined
      ? ['--tree', './linux', ...(base === undefined ? [] : ['--base', base])]
      : ['--kernel', kernel],
  );

/**
 * Commands that repeat what the report says, from the posted thread on. A tree of the reporter's own machine is called `./linux`.
 */
export function reproduce(input: ReportInput): string[] {
  const { record } = input;
  const { series, seed } = record;
  const id = series?.messageId ?? series?.posted?.[0]?.messageId;
  const bare = id?.replace(/^<|>$/g, '');
  const fetch =
    series && bare !== undefined
      ? [
          commandLines(['b4', 'mbox', '-n', `${series.name}.mbox`, bare]),
          commandLines(['ringlab', 'series', 'import', `${series.name}.mbox`, '--name', series.name]),
        ].flat()
      : [];
  const places = placesOf(input);
  const run = (more: readonly string[]) =>
    commandLines([
      ...['ringlab', 'run', ...sourceWords(record), ...(series ? ['--series', series.name] : [])],
      ...[...more, '--seed', String(seed)],
    ]);
  const runs =
    places.length === 0
      ? run([])
      : places.flatMap(({ profile, suite }) => run(['--guest', profile, '--suite', suite]));
  return [...fetch, ...runs];
}
