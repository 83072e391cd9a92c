import picocolors from 'picocolors';
import type { Colors } from '../../reports/index.ts';
import type { Output, OutputName } from '../model/output.ts';
import { oneLine, visibleJson } from '../model/visible.ts';
import { ESC } from './escape.ts';
import { stdout } from './terminal.ts';

/**
 * Writes a value as JSON on standard output: with --json, the only thing written there. `name` is the published schema
 * (`reports/schema/NAME.schema.json`) whose type the value has. Only the compiler checks it, so no verb loads the schemas.
 */
export function printJson<N extends OutputName>(_name: N, value: Output<N>): void {
  stdout.write(`${visibleJson(JSON.stringify(value, null, 2))}\n`);
}

/** Whether a stream is a terminal that a person looks at: CI systems and TERM=dumb show no more than lines. */
export const isScreen = (stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean =>
  Boolean(stream.isTTY) && !env.CI && env.TERM !== 'dumb';

/** True for a screen, unless NO_COLOR is set: picocolors alone takes CI for a terminal. */
export const wantsColors = (stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean =>
  isScreen(stream, env) && !env.NO_COLOR;

/** A colour of picocolors whose ESC only `Terminal.write` inserts. */
const marked = (paint: (text: string) => string) => (text: string) => {
  const [open = '', close = ''] = paint('|').replaceAll('\u001b', ESC).split('|');
  return `${open}${text}${close}`;
};

/** Colours for text on a stream; they add nothing unless `wantsColors`. */
export function colorsFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Colors {
  const painter = picocolors.createColors(wantsColors(stream, env));
  return {
    bold: marked(painter.bold),
    dim: marked(painter.dim),
    red: marked(painter.red),
    green: marked(painter.green),
    yellow: marked(painter.yellow),
  };
}

/** Colours for text on standard output. */
export const colors = colorsFor(stdout, process.env);

/** Writes text and a newline on standard output; a text that ends in a newline gets no second one. */
export function print(text: string): void {
  stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Aligned columns, two spaces between; each cell becomes one visible line. */
export function columns(table: readonly (readonly string[])[]): string {
  const rows = table.map((row) => row.map((cell) => oneLine(cell)));
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
