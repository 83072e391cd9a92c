import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { parseYaml } from '../model/parse.ts';
import { KnownComplaint } from '../model/plan.ts';
import type { Attributed } from './attribute.ts';

const OURS = join(projectRoot, 'kernels/known-complaints.yaml');

const KnownFile = z.array(KnownComplaint);

async function read(file: string): Promise<KnownComplaint[]> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError(
      { what: `cannot read ${file}`, where: '--known', expected: 'a YAML file' },
      { cause },
    );
  });
  return parseYaml(KnownFile, text, file);
}

/** Complaints that fail nobody: the project's list (kernels/known-complaints.yaml) and the user's. */
export async function loadKnown(file?: string): Promise<KnownComplaint[]> {
  const lists = await Promise.all([OURS, ...(file ? [file] : [])].map(read));
  return lists.flat();
}

/** Function names as a trace has them: `name+0x1/0x2`. */
const inTrace = (text: string, name: string) => new RegExp(`\\b${name}\\+0x`).test(text);

/**
 * Marks what is known: it is told of with the reason, and fails neither test nor cell. An entry fits when the title contains
 * its own and every function that it names is in the report.
 */
export function markKnown(complaints: readonly Attributed[], known: readonly KnownComplaint[]): Attributed[] {
  return complaints.map((complaint) => {
    const entry = known.find(
      ({ title, functions }) =>
        complaint.title.includes(title) && functions.every((name) => inTrace(complaint.text, name)),
    );
    return entry ? { ...complaint, fatal: false, known: entry.reason } : complaint;
  });
}
