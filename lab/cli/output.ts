import type { Output, OutputName } from '../model/output.ts';

/**
 * Writes a value as JSON on standard output: with --json, the only thing written there. `name` is the published schema
 * (`reports/schema/NAME.schema.json`) whose type the value has. Only the compiler checks it, so no verb loads the schemas.
 */
export function printJson<N extends OutputName>(_name: N, value: Output<N>): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Aligned columns, two spaces between. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
    )
    .join('\n');
}
