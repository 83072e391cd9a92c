import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { KnownComplaint } from '../model/cell.ts';
import { parseYaml } from '../model/parse.ts';
import type { AttributedComplaint } from './attribute.ts';

const PROJECT_FILE = join(projectRoot, 'kernels/known-complaints.yaml');

const KnownFile = z.array(KnownComplaint);

async function readKnown(file: string): Promise<KnownComplaint[]> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError(
      { what: `cannot read ${file}`, where: '--known', expected: 'a YAML file' },
      { cause },
    );
  });
  return parseYaml(KnownFile, text, file);
}

/** The project's known complaints (kernels/known-complaints.yaml) and the user's. Throws InputError for a file that is wrong. */
export async function loadKnown(file?: string): Promise<KnownComplaint[]> {
  const lists = await Promise.all([PROJECT_FILE, ...(file ? [file] : [])].map(readKnown));
  return lists.flat();
}

/** Function names as a trace has them: `name+0x1/0x2`. */
const inTrace = (text: string, name: string) => new RegExp(`\\b${name}\\+0x`).test(text);

/**
 * Marks known complaints: a known complaint is reported with its reason but fails neither the test nor the cell. An entry
 * matches when the title contains the entry's and the report has every function that the entry names.
 */
export function markKnown(
  complaints: readonly AttributedComplaint[],
  known: readonly KnownComplaint[],
): AttributedComplaint[] {
  return complaints.map((complaint) => {
    const entry = known.find(
      ({ title, functions }) =>
        complaint.title.includes(title) && functions.every((name) => inTrace(complaint.text, name)),
    );
    return entry ? { ...complaint, fatal: false, known: entry.reason } : complaint;
  });
}
