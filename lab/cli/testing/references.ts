import { type Piece, piecesOf } from './pieces.ts';
import type { Text } from './texts.ts';

/** What a text says that the program or the repository must have. */
export type Reference = { line: number } & (
  | {
      kind: 'command';
      /** What follows "ringlab". */
      words: string[];
      /** In a block of code a command must run as it is; in prose it may be a sentence about ringlab. */
      place: 'block' | 'span' | 'prose';
    }
  /** A code span that begins with another word than "ringlab": a verb (`run --json`), or another program. */
  | { kind: 'call'; words: string[] }
  | { kind: 'option'; option: string }
  | { kind: 'path'; path: string }
  | { kind: 'script'; script: string; options: string[] }
);

/** Words that follow "ringlab" in sentences about it, besides verbs in the third person. In code they are verbs of the program. */
const PREDICATES = new Set('and can cannot has init is itself made may on or that which wrote'.split(' '));
/** Programs whose options may stand in a message without a code span. */
const OTHER_PROGRAM = /\b(apt-get|bwrap|checkpatch|diff|git|ldconfig|make|node|npm|qemu\S*|ssh\S*|tap)\s/;
const ROOMS = 'bin|images|kernels|lab|reports|setup|suites';
const PATH = new RegExp(
  `(?<![\\w./$~@>-])(?:\\.\\./)*(?:(?:${ROOMS})/[\\w.*<>+/-]*|[A-Z]{4,}\\.md)(?![\\w])`,
  'g',
);
/** A file of this repository by its name, with or without folders before it. */
const FILE =
  /(?<![\w./$~@*<>-])(?:[\w-]+\/)*[\w-]+(?:[.][\w-]+)*[.](?:ts|mjs|cjs|md|yaml|config)(?![\w/.-]*\w)/g;
/** The first column of a list of files. */
const LISTED = /^[\w.*-]+(?:\/[\w.*-]*|[.]\w+)(?= {2,}\S)/g;

/** Splits as a shell does, without its expansions. */
export const wordsOf = (command: string): string[] =>
  [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/['"]/g, ''));

/** Where a command ends: in code at what a shell would end it at, in a sentence at its punctuation too. */
const END = { code: /\s#|&&|\|\||\s\||;|\n/, prose: /\s#|&&|\|\||\s\||;|\n|[,:).](?=\s|$)/ };

function* commandsOf({ kind, text, line }: Piece): Generator<Reference & { end: number; start: number }> {
  for (const { index, 0: name, 1: word = '' } of text.matchAll(
    /(?<![\w./'-])ringlab +(-{0,2}[a-z][a-z-]*)/g,
  )) {
    if (kind === 'prose' && PREDICATES.has(word)) continue;
    const rest = text.slice(index + 'ringlab'.length);
    const length = rest.search(kind === 'prose' ? END.prose : END.code);
    const command = length < 0 ? rest : rest.slice(0, length);
    // The comment of a block's line is a sentence.
    const inComment = /(^|\s)#/.test(text.slice(0, index));
    yield {
      ...{ kind: 'command', words: wordsOf(command), place: inComment ? 'prose' : kind },
      line: line + text.slice(0, index).split('\n').length - 1,
      ...{ start: index, end: index + Math.max(name.length, 'ringlab'.length + command.length) },
    };
  }
}

/** Options outside of commands, except those that follow the name of another program. */
function optionsOf({ kind, text, line }: Piece): Reference[] {
  const words = wordsOf(text);
  if (kind === 'span' && /^\w/.test(text)) return words.length > 1 ? [{ kind: 'call', words, line }] : [];
  if (kind === 'block') return [];
  return [...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].flatMap(({ index, 0: option }) => {
    const before = text.slice(0, index);
    if (OTHER_PROGRAM.test(before.slice(before.lastIndexOf('\n') + 1))) return [];
    return { kind: 'option' as const, option, line: line + before.split('\n').length - 1 };
  });
}

function scriptsOf({ text, line }: Piece): Reference[] {
  const calls = text.matchAll(/(?<![\w-])npm (?:run ([a-z][\w:-]*)|(test)\b)((?: -- [^`#;,)\n]*)?)/g);
  return [...calls].map(({ 1: script, 2: test, 3: rest = '', index }) => ({
    kind: 'script' as const,
    script: script ?? test ?? '',
    options: wordsOf(rest).filter((word) => /^--./.test(word)),
    line: line + text.slice(0, index).split('\n').length - 1,
  }));
}

/** Paths and names of files of the repository. A path below the cache is none. */
function pathsOf({ kind, text, line }: Piece, { kind: of }: Text): Reference[] {
  const readable = of === 'markdown' || of === 'comment' ? [...text.matchAll(FILE)] : [];
  // Blocks show what users' files may be called.
  const names = readable.filter(([name]) => kind !== 'block' || name.endsWith('.ts'));
  const listed = kind === 'block' ? [...text.matchAll(LISTED)] : [...text.matchAll(PATH)];
  return [...names, ...listed].flatMap(({ index, 0: match }) => {
    const [before, after] = [text.slice(0, index), text.slice(index + match.length)];
    if (/cache folder $/.test(before) || /^ (in|of) the cache/.test(after)) return [];
    const path = match.replace(/[.-]+$/, '');
    return { kind: 'path' as const, path, line: line + before.split('\n').length - 1 };
  });
}

/** Everything in a text that names a part of the program or of the repository. */
export function referencesOf(text: Text): Reference[] {
  return piecesOf(text).flatMap((piece) => {
    const commands = [...commandsOf(piece)];
    // The words of a command are checked with it.
    const outside = commands.reduce(
      (rest, { start, end }) => rest.slice(0, start) + ' '.repeat(end - start) + rest.slice(end),
      piece.text,
    );
    const rest = { ...piece, text: outside };
    const references = [...commands, ...optionsOf(rest), ...scriptsOf(rest), ...pathsOf(rest, text)];
    return references.map((reference) => ({ ...reference, line: reference.line + text.line }));
  });
}
