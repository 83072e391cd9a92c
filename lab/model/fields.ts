import type { z } from 'zod';

/** What of zod's definitions leads from a schema to those inside it. */
interface Definition {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  shape?: Record<string, z.ZodType>;
}

const definitionOf = (schema: z.ZodType) => schema.def as unknown as Definition;

/** The schema without what only makes it optional, gives it a default or transforms it. */
function unwrapped(schema: z.ZodType): z.ZodType {
  const { innerType, in: input } = definitionOf(schema);
  const inner = innerType ?? input;
  return inner ? unwrapped(inner) : schema;
}

/** Names of the fields that the object at `path` may have; undefined where the schema does not say it (a union, say). */
export function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] | undefined {
  let at: z.ZodType | undefined = unwrapped(schema);
  for (const key of path) {
    const { shape, element, valueType }: Definition = definitionOf(at);
    const next: z.ZodType | undefined = shape ? shape[String(key)] : (element ?? valueType);
    if (!next) return undefined;
    at = unwrapped(next);
  }
  const { shape } = definitionOf(at);
  return shape && Object.keys(shape);
}
