import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { InputError, type Problem } from '../core/errors.ts';

function problemsOf(error: z.ZodError, place: (path: PropertyKey[]) => string, fix?: string): Problem[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return { what: path ? `${path}: ${issue.message}` : issue.message, where: place(issue.path), fix };
  });
}

/** Checks a value against a schema; throws one InputError with every problem. */
export function check<T>(schema: z.ZodType<T>, value: unknown, where: string, fix?: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InputError(problemsOf(result.error, () => where, fix));
}

/** Parses YAML (JSON is YAML) and checks it; every problem is told with file:line:column. */
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
  const place = (path: PropertyKey[]) => {
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
  throw new InputError(problemsOf(result.error, place, fix));
}
