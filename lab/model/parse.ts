import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';

function problemsOf(error: z.ZodError, placeOf: (path: PropertyKey[]) => string, fix?: string): Problem[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return { what: path ? `${path}: ${issue.message}` : issue.message, where: placeOf(issue.path), fix };
  });
}

/** The value as its schema parses it. Throws one InputError with every problem; `where` names the value's origin. */
export function check<T>(schema: z.ZodType<T>, value: unknown, where: string, fix?: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InputError(problemsOf(result.error, () => where, fix));
}

/**
 * Parses YAML (or JSON, which is YAML) and checks it against a schema. Throws one InputError with every problem, each at its
 * `file:line:column`.
 */
export function parseYaml<T>(schema: z.ZodType<T>, text: string, file: string, fix?: string): T {
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
  const placeOf = (path: PropertyKey[]) => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true) as
        | { range?: [number, number, number] }
        | undefined;
      if (!node?.range) continue;
      const { line, col } = counter.linePos(node.range[0]);
      return `${file}:${line}:${col}`;
    }
    return file;
  };
  const result = schema.safeParse(document.toJS());
  if (result.success) return result.data;
  throw new InputError(problemsOf(result.error, placeOf, fix));
}
