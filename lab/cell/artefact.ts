import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '../core/hash.ts';
import type { Artefact } from '../model/artefact.ts';

/** Describes a file of the record's folder as it is now. */
export async function artefactOf(kind: Artefact['kind'], dir: string, file: string): Promise<Artefact> {
  const path = join(dir, file);
  const [{ size }, sha256] = await Promise.all([stat(path), hashFile(path)]);
  return { kind, file, bytes: size, sha256 };
}
