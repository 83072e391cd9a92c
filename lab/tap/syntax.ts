import { TestClass } from '../model/protocol.ts';
/** What one line of TAP or KTAP means. `other` is legal anywhere and changes nothing. */
export type TapContent =
  | { kind: 'version'; dialect: Dialect }
  /** `reason`: the comment of a plan without tests, why there are none. */
  | { kind: 'plan'; count: number; reason?: string }
  | { kind: 'point'; ok: boolean; number?: number; rest: string }
  | { kind: 'subtest'; name: string }
  | { kind: 'announcement'; name?: string; deadlineMs?: number; class?: TestClass }
  | { kind: 'bail'; reason: string }
  /** The braces of a buffered subtest, each alone on a line. */
  | { kind: 'open' | 'close' }
  | { kind: 'comment'; text: string }
  | { kind: 'other'; text: string };

/** Which TAP a level speaks, by its version line. */
export type Dialect = 'ktap' | 'tap13' | 'tap14' | 'none';

/** A line with its place: `column` counts spaces, a tab as four, a comment mark of kselftest's nesting as two. */
export type TapLine = TapContent & { column: number; commented: boolean };

// `s`: U+2028 and U+2029, which end a line for `.` alone, are characters of a name.
const VERSION = /^(K?TAP) version (\d+)\s*$/i;
const PLAN = /^1\.\.(\d{1,15})\s*(?:#(.*))?$/is;
const POINT = /^(?:ok(?=\s|$)|(not ok)(?=[\s:]|$):?)(?:\s+(\d{1,15})(?=[\s#]|$))?\s*(?:-(?:\s+|$))?(.*)$/s;
const BAIL = /^Bail out!\s*(.*)$/is;
/** TAP 14's and KUnit's announcement of a subtest, and kselftest's of a program. */
const SUBTEST = /^(?:Subtest: ?(.*)|(selftests: .*))$/s;
/** The word at the beginning of a skipped plan's comment. */
const SKIP_WORD = /^skip\S*/i;
/** Most comment marks that TAP stands behind: a kselftest program that runs kselftest programs has two. */
const MAX_MARKS = 8;
/** The agent's comment for each test that it is about to run, with its own deadline and its class: `# ringlab: test "NAME" 60000 ms contract`. */
const ANNOUNCEMENT = /^ringlab: test (?=")("(?:[^"\\]|\\.)*")?(?: (\d{1,9}) ms)?(?: (\w{1,20}))?/;

function columnOf(indent: string): number {
  let column = 0;
  for (const char of indent) column += char === '\t' ? 4 : 1;
  return column;
}

function dialectOf(word: string, version: string): Dialect {
  if (word.toUpperCase() === 'KTAP') return 'ktap';
  return Number(version) >= 14 ? 'tap14' : 'tap13';
}

/** What TAP can begin with: this test alone rejects nearly every line of a console. */
const TAPPISH = /^(?:K?TAP |1\.\.|ok|not ok|Bail out|[{}])/i;

/** `{ reason }` of a plan's comment; nothing where the plan has tests or no comment. */
function reasonOf(count: number, comment: string | undefined): { reason?: string } {
  if (count > 0 || comment === undefined) return {};
  const text = comment.trim().replace(SKIP_WORD, '').trim();
  return { reason: text || 'no reason given' };
}

function contentOf(body: string): TapContent {
  if (!TAPPISH.test(body)) return { kind: 'other', text: body };
  const version = VERSION.exec(body);
  if (version) return { kind: 'version', dialect: dialectOf(version[1] ?? '', version[2] ?? '') };
  const plan = PLAN.exec(body);
  if (plan) return { kind: 'plan', count: Number(plan[1]), ...reasonOf(Number(plan[1]), plan[2]) };
  const point = POINT.exec(body);
  if (point) {
    const number = point[2] === undefined ? {} : { number: Number(point[2]) };
    return { kind: 'point', ok: point[1] === undefined, ...number, rest: (point[3] ?? '').trim() };
  }
  const bail = BAIL.exec(body);
  if (bail) return { kind: 'bail', reason: bail[1] ?? '' };
  const brace = body.trimEnd();
  if (brace === '{') return { kind: 'open' };
  if (brace === '}') return { kind: 'close' };
  return { kind: 'other', text: body };
}

/** What is no TAP of another level behind a comment mark. */
const PLAIN: ReadonlySet<TapContent['kind']> = new Set(['other', 'comment', 'announcement', 'open', 'close']);

/** The name in an announcement, a JSON string; undefined where the line is damaged. */
function announcedName(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Reads a line that begins with `#`, without that. `marks`: of how many further ones what stands behind them is read. */
function commentOf(inner: string, column: number, marks: number): TapLine {
  const subtest = SUBTEST.exec(inner);
  if (subtest) {
    return { kind: 'subtest', name: (subtest[1] ?? subtest[2] ?? '').trim(), column, commented: false };
  }
  const announcement = ANNOUNCEMENT.exec(inner);
  if (announcement) {
    const [, text = '', ms, word] = announcement;
    const of = TestClass.safeParse(word);
    const name = announcedName(text);
    const facts = {
      ...(name === undefined ? {} : { name }),
      ...(ms === undefined ? {} : { deadlineMs: Number(ms) }),
      ...(of.success ? { class: of.data } : {}),
    };
    return { kind: 'announcement', ...facts, column, commented: false };
  }
  const comment: TapLine = { kind: 'comment', text: inner, column, commented: false };
  if (marks === 0) return comment;
  const nested = readLine(inner, marks - 1);
  if (PLAIN.has(nested.kind)) return comment;
  return { ...nested, column: column + 2 + nested.column, commented: true };
}

/** Reads one line without printk's prefix. A comment that holds TAP is that TAP, `commented`. Takes time in proportion to the line. */
export function readLine(text: string, marks = MAX_MARKS): TapLine {
  const indent = /^[ \t]*/.exec(text)?.[0] ?? '';
  const column = columnOf(indent);
  const body = text.slice(indent.length);
  if (body.startsWith('#')) return commentOf(body.slice(1).replace(/^ /, ''), column, marks);
  return { ...contentOf(body), column, commented: false };
}
