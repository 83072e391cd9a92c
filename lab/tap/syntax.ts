import { TestClass } from '../model/protocol.ts';
/** What one line of TAP or KTAP means. `other` is legal anywhere and changes nothing. */
export type TapContent =
  | { kind: 'version'; dialect: Dialect }
  | { kind: 'plan'; count: number; skip?: string }
  | { kind: 'point'; ok: boolean; number?: number; rest: string }
  | { kind: 'subtest'; name: string }
  | { kind: 'announcement'; name?: string; deadlineMs?: number; class?: TestClass }
  | { kind: 'bail'; reason: string }
  | { kind: 'comment'; text: string }
  | { kind: 'other'; text: string };

/** Which TAP a level speaks, by its version line. */
export type Dialect = 'ktap' | 'tap13' | 'tap14' | 'none';

/** A line with its place: `column` counts spaces, a tab as four, a comment mark of kselftest's nesting as two. */
export type TapLine = TapContent & { column: number; commented: boolean };

const VERSION = /^(K?TAP) version (\d+)\s*$/i;
const PLAN = /^1\.\.(\d{1,15})\s*(?:#\s*(?:skip\S*)?\s*(.*))?$/i;
const POINT = /^(not )?ok(?=\s|$)(?:\s+(\d{1,15})(?=\s|$))?\s*(?:-(?:\s+|$))?(.*)$/;
const BAIL = /^Bail out!\s*(.*)$/i;
/** TAP 14's and KUnit's announcement of a subtest, and kselftest's of a program. */
const SUBTEST = /^(?:Subtest: ?(.*)|(selftests: .*))$/;
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
const TAPPISH = /^(?:K?TAP |1\.\.|ok|not ok|Bail out)/i;

function contentOf(body: string): TapContent {
  if (!TAPPISH.test(body)) return { kind: 'other', text: body };
  const version = VERSION.exec(body);
  if (version) return { kind: 'version', dialect: dialectOf(version[1] ?? '', version[2] ?? '') };
  const plan = PLAN.exec(body);
  if (plan) {
    const skip = Number(plan[1]) === 0 ? { skip: plan[2]?.trim() || 'no reason given' } : {};
    return { kind: 'plan', count: Number(plan[1]), ...skip };
  }
  const point = POINT.exec(body);
  if (point) {
    const number = point[2] === undefined ? {} : { number: Number(point[2]) };
    return { kind: 'point', ok: point[1] === undefined, ...number, rest: (point[3] ?? '').trim() };
  }
  const bail = BAIL.exec(body);
  if (bail) return { kind: 'bail', reason: bail[1] ?? '' };
  return { kind: 'other', text: body };
}

/** The name in an announcement, a JSON string; undefined where the line is damaged. */
function announcedName(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Reads a line that begins with `#`, without that. */
function commentOf(inner: string, column: number): TapLine {
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
  const nested = readLine(inner);
  if (nested.kind === 'other' || nested.kind === 'comment' || nested.kind === 'announcement') {
    return { kind: 'comment', text: inner, column, commented: false };
  }
  return { ...nested, column: column + 2 + nested.column, commented: true };
}

/** Reads one line without printk's prefix. A comment that holds TAP is that TAP, `commented`. */
export function readLine(text: string): TapLine {
  const indent = /^[ \t]*/.exec(text)?.[0] ?? '';
  const column = columnOf(indent);
  const body = text.slice(indent.length);
  if (body.startsWith('#')) return commentOf(body.slice(1).replace(/^ /, ''), column);
  return { ...contentOf(body), column, commented: false };
}
