import { z } from 'zod';
import { CellSpec } from '../../lab/model/cell.ts';
import { Comparison } from '../../lab/model/compare.ts';
import { GuestProfile } from '../../lab/model/guest.ts';
import { Note } from '../../lab/model/note.ts';
import { type OutputName, outputs } from '../../lab/model/output.ts';
import { Complaint, Metric, TestResult } from '../../lab/model/result.ts';
import { CellRecord, KernelRecord, PlanRecord, RunRecord } from '../../lab/model/run.ts';
import { SuiteInfo } from '../../lab/model/suite.ts';
import { CellVerdict, Verdict } from '../../lab/model/verdict.ts';
import { CATALOGUE } from './catalogue.ts';

/** A JSON Schema as an object (draft 2020-12). */
export type JsonSchema = Record<string, unknown>;

/** Types that are written once in a file, under `$defs`, and referred to. */
const SHARED = {
  ...{ CellRecord, CellSpec, CellVerdict, Comparison, Complaint, GuestProfile, KernelRecord, Metric, Note },
  ...{ PlanRecord, RunRecord, SuiteInfo, TestResult, Verdict },
} satisfies Record<string, z.ZodType>;

for (const [id, schema] of Object.entries(SHARED)) z.globalRegistry.add(schema, { id });

/** Names of the published schemas. */
export const names = Object.keys(outputs) as OutputName[];

/** Name of the file of a published schema, which is also its `$id`. */
export const fileOf = (name: OutputName): string => `${name}.schema.json`;

/**
 * An object is open unless its zod schema is strict: readers ignore fields that a later version adds. zod bounds every integer by
 * what a double holds exactly, which says nothing about the value.
 */
function openUp({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema }): void {
  if (zodSchema._zod.def.type === 'object' && zodSchema._zod.def.catchall === undefined)
    delete jsonSchema.additionalProperties;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

/** What users may write themselves: a field with a default may be absent. */
const INPUTS: readonly OutputName[] = ['cell-spec'];

/** The JSON Schema (draft 2020-12) of an output, as it is published. */
export function publish(name: OutputName): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(outputs[name], {
    target: 'draft-2020-12',
    io: INPUTS.includes(name) ? 'input' : 'output',
    override: openUp,
  });
  return { $schema, $id: fileOf(name), ...CATALOGUE[name], ...schema };
}
