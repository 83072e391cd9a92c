import { anyFailure, type Node } from './tree.ts';

/** A way to print a tree. */
export interface Style {
  /** The tree's names have what TAP escapes. */
  escapes: boolean;
  /** Levels that the style can express. */
  levels: number;
  /** What the names of the outermost level begin with. */
  prefix?: string;
  print: (nodes: readonly Node[], pick: Pick) => string[];
}

/** Chooses among forms that mean the same; a style draws each from the generated stream. */
export type Pick = <T>(...forms: readonly T[]) => T;

const escaped = (name: string) => name.replace(/[\\#]/g, '\\$&');
const indented = (columns: number, lines: readonly string[]) =>
  lines.map((line) => ' '.repeat(columns) + line);

/** A result line: status, number, name, directive. */
function point(node: Node, number: number, pick: Pick, format: { ktap: boolean; brace?: string }): string {
  const { outcome, children } = node;
  const { verdict, reason } = outcome;
  const failed = children.length > 0 ? anyFailure(node) : verdict === 'fail';
  const ok = verdict === 'todo' || failed || (verdict === 'skip' && pick(true, false)) ? 'not ok' : 'ok';
  const name = format.ktap ? node.name : escaped(node.name);
  // A name that begins with a dash or a number needs the dash or the number before it.
  const isPlain = /^[^-\d\s]/.test(name);
  const count = format.ktap || !isPlain ? ` ${number}` : pick('', ` ${number}`);
  const dash = isPlain ? pick('', ' -') : ' -';
  const word = format.ktap
    ? { skip: 'SKIP', todo: pick('TODO', 'XFAIL') }
    : { skip: pick('SKIP', 'skip', 'Skipped:'), todo: pick('TODO', 'todo', 'Todo:') };
  const directive = verdict === 'skip' || verdict === 'todo' ? ` # ${word[verdict]} ${reason}` : '';
  return `${ok}${count}${dash} ${name}${directive}${format.brace ?? ''}`;
}

/** The plan before or behind the lines of a level. */
function planned(nodes: readonly Node[], lines: string[], pick: Pick): string[] {
  const plan = `1..${nodes.length}`;
  return pick(true, false) ? [plan, ...lines] : [...lines, plan];
}

/** Lines that mean nothing between tests. */
const noise = (pick: Pick): string[] =>
  pick([], [], ['# a comment'], [''], ['some output'], ['pragma +strict'], ['[  no stamp ]']);

/** One level of TAP 13 or 14 with subtests in any of its forms. */
function tapLevel(nodes: readonly Node[], pick: Pick): string[] {
  const lines = nodes.flatMap((node, index) => {
    const number = index + 1;
    const line = point(node, number, pick, { ktap: false });
    const { children } = node;
    if (children.length === 0) {
      const yaml = pick([], [], ['  ---', '  at: |', '    ok 1 - text of YAML', '  ...']);
      return [...noise(pick), line, ...yaml];
    }
    const inner = indented(4, tapLevel(children, pick));
    const form = pick('comment', 'inner comment', 'bare', 'brace', 'brace below');
    if (form === 'brace') return [point(node, number, pick, { ktap: false, brace: ' {' }), ...inner, '}'];
    if (form === 'brace below') return [line, '{', ...inner, '}'];
    const comment = `# Subtest: ${escaped(node.name)}`;
    if (form === 'comment') return [...noise(pick), comment, ...inner, line];
    if (form === 'inner comment') return [...noise(pick), `    ${comment}`, ...inner, line];
    return [...noise(pick), ...inner, line];
  });
  return planned(nodes, lines, pick);
}

/** One level of KTAP: a version line in each subtest, or KUnit's comment. */
function ktapLevel(nodes: readonly Node[], pick: Pick, indent: number): string[] {
  const lines = nodes.flatMap((node, index) => {
    const line = point(node, index + 1, pick, { ktap: true });
    if (node.children.length === 0) return [...noise(pick), line];
    const header = pick(['KTAP version 1'], ['KTAP version 1', `# Subtest: ${node.name}`]);
    return [...indented(indent, [...header, ...ktapLevel(node.children, pick, indent)]), line];
  });
  return pick(true, false) ? [`1..${nodes.length}`, ...lines] : lines;
}

/** kselftest's runner: a program's output as comments. Names of programs are announced. */
function kselftest(nodes: readonly Node[], pick: Pick): string[] {
  const lines = nodes.flatMap((node, index) => {
    const line = point(node, index + 1, pick, { ktap: true });
    const { children } = node;
    const output = [pick('TAP version 13', 'KTAP version 1'), ...ktapLevel(children, pick, 2)];
    return [`# ${node.name}`, ...(children.length > 0 ? output.map((text) => `# ${text}`) : []), line];
  });
  return ['TAP version 13', `1..${nodes.length}`, ...lines];
}

/** The dialects, each with all of its forms. */
export const STYLES: Record<string, Style> = {
  'TAP 14': {
    escapes: true,
    levels: 4,
    print: (nodes, pick) => ['TAP version 14', ...tapLevel(nodes, pick)],
  },
  'TAP 13': {
    escapes: true,
    levels: 3,
    print: (nodes, pick) => ['TAP version 13', ...tapLevel(nodes, pick)],
  },
  'TAP without a version': { escapes: true, levels: 3, print: tapLevel },
  KTAP: {
    escapes: false,
    levels: 4,
    print: (nodes, pick) => ['KTAP version 1', ...ktapLevel(nodes, pick, pick(2, 4))],
  },
  'KTAP on a console': {
    escapes: false,
    levels: 3,
    print: (nodes, pick) =>
      ['KTAP version 1', ...ktapLevel(nodes, pick, 4)].map(
        (line, n) => `[    ${n % 10}.${String(n).padStart(6, '0')}]${pick('', '[    T1]')} ${line}`,
      ),
  },
  kselftest: { escapes: false, levels: 3, prefix: 'selftests: d: ', print: kselftest },
};
