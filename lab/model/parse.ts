import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, type Range } from 'yaml';
import type { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';
import { expectedNames } from '../core/near.ts';
import { fieldsAt } from './fields.ts';

/** A problem of a value and the path of what is wrong: of an unknown field its own, though the schema knows only its object. */
interface Flaw {
  path: PropertyKey[];
  what: string;
  expected?: string | undefined;
}

type Path = readonly PropertyKey[];

/** Where the field at a path is written, for messages: `file:line:column`. */
export type PlaceOf = (path: Path) => string;

/** The value at a path; undefined where there is none. */
const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce((at: unknown, key) => Object(at)[key], value);

function flawsOf(error: z.ZodError, schema: z.ZodType, value: unknown): Flaw[] {
  return error.issues.flatMap((issue): Flaw[] => {
    const { path, message } = issue;
    const name = path.map(String).join('.');
    const flaw = (what: string, expected?: string) => [
      { path: [...path], what: name ? `${name}: ${what}` : what, expected },
    ];
    const found = valueAt(value, path);
    if (issue.code === 'invalid_type' && found === undefined && path.length > 0)
      return flaw('the field is missing', issue.expected);
    if (issue.code === 'invalid_value' && issue.values.length > 1)
      return flaw(
        `unknown value ${JSON.stringify(found)}`,
        expectedNames(String(found), issue.values.map(String)),
      );
    if (issue.code !== 'unrecognized_keys') return flaw(message);
    const fields = fieldsAt(schema, path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      what: `${name ? `${name}: ` : ''}unknown field "${key}"`,
      expected: fields && expectedNames(key, fields),
    }));
  });
}

const problemOf = ({ what, expected }: Flaw, where: string, fix?: string): Problem => ({
  ...{ what, where, fix },
  ...(expected === undefined ? {} : { expected }),
});

/**
 * The value as its schema parses it. Throws one InputError with every problem: an unknown field or value with the most similar one and
 * all. `placeOf` gives the place of a field.
 */
export function checkAt<T>(schema: z.ZodType<T>, value: unknown, placeOf: PlaceOf, fix?: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const flaws = flawsOf(result.error, schema, value);
  throw new InputError(flaws.map((flaw) => problemOf(flaw, placeOf(flaw.path), fix)));
}

/** As `checkAt`; `where` names the value's origin. */
export const check = <T>(schema: z.ZodType<T>, value: unknown, where: string, fix?: string): T =>
  checkAt(schema, value, () => where, fix);

/** Where a value is in its text, from its field's name on where it has one; undefined for a value that is not there. */
function rangeAt(document: Document, path: readonly PropertyKey[]): Range | undefined {
  const parent = document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    : undefined;
  const node = pair?.key ?? document.getIn(path, true);
  return isNode(node) ? (node.range ?? undefined) : undefined;
}

/** Parses YAML (or JSON, which is YAML). Throws one InputError with every syntax error, each at its `file:line:column`. */
export function readYaml(text: string, file: string, fix?: string): { value: unknown; placeOf: PlaceOf } {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  if (document.errors.length > 0) {
    throw new InputError(
      document.errors.map((error) => {
        const { line, col } = counter.linePos(error.pos[0]);
        return {
          what: error.message.split('\n')[0] ?? '',
          where: `${file}:${line}:${col}`,
          expected: 'YAML',
          fix,
        };
      }),
    );
  }
  // A missing field has no node: its place is that of the closest object around it.
  const placeOf = (path: Path) => {
    for (let depth = path.length; depth >= 0; depth--) {
      const range = rangeAt(document, path.slice(0, depth));
      if (!range) continue;
      const { line, col } = counter.linePos(range[0]);
      return `${file}:${line}:${col}`;
    }
    return file;
  };
  try {
    return { value: document.toJS(), placeOf };
  } catch (cause) {
    // Of aliases: one without its anchor, or a document that grows beyond all limits by them.
    throw new InputError({ what: (cause as Error).message, where: file, expected: 'YAML', fix }, { cause });
  }
}

/**
 * Parses YAML (or JSON, which is YAML) and checks it against a schema. Throws one InputError with every problem, each at its
 * `file:line:column`.
 */
export function parseYaml<T>(schema: z.ZodType<T>, text: string, file: string, fix?: string): T {
  const { value, placeOf } = readYaml(text, file, fix);
  return checkAt(schema, value, placeOf, fix);
}
