import { readFile } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import { CellSpec } from '../model/cell.ts';
import { parseYaml } from '../model/parse.ts';

/** Reads a cell spec that a run has kept (`cell-*.json`). Throws InputError with every problem and its place. */
export async function readCellSpec(file: string): Promise<CellSpec> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError(
      {
        what: 'cannot read the cell spec',
        where: file,
        expected: 'a file cell-*.json of a run record',
      },
      { cause },
    );
  });
  return parseYaml(CellSpec, text, file, 'use a file cell-*.json as a run wrote it');
}
