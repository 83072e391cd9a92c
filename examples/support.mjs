// What the scripts of this folder share: their arguments, their end, and how they start child processes.
import { parseArgs } from 'node:util';
import { ExitCode, errorText, RinglabError } from 'ringlab';
import { $ } from 'zx';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * zx's `$` for a program and its arguments (no pipe: the shell becomes the program). The kernel ends it with the script, SIGKILL
 * included, and the signal of `runScript` ends it too. zx's `timeout` is not used: it leaves the program's own children behind.
 */
export const shell = (signal, options = {}) =>
  $({ prefix: 'exec setpriv --pdeathsig=TERM -- ', signal, ...options });

/** A table as aligned columns. */
export function columns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Prints finished kernels, cells and records on standard error. */
export function printProgress(event) {
  const line = {
    'kernel.end': ({ kernel, outcome }) => `kernel ${kernel}: ${outcome}`,
    'cell.end': ({ cell, verdict }) => `cell ${cell}: ${verdict}`,
    'record.written': ({ dir }) => `record: ${dir}`,
  }[event.type]?.(event);
  if (line) console.error(line);
}

function readArguments({ options, positionals }) {
  try {
    return parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: positionals,
    });
  } catch (error) {
    throw new RinglabError(`${error.message} (see --help)`, ExitCode.input);
  }
}

/**
 * Runs a script and sets the exit code of the process, as ringlab does: 2 for wrong input, 3 when the lab failed, 130 when a signal
 * interrupted it. A second Ctrl-C does not wait for the clean-up.
 * @param {{ help: string, options: object, positionals?: boolean }} description `options` as node:util parseArgs takes them
 * @param {(values: object, positionals: string[], signal: AbortSignal) => Promise<number>} work returns the exit code
 */
export async function runScript({ help, options, positionals = false }, work) {
  const abort = new AbortController();
  for (const name of SIGNALS)
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(ExitCode.interrupted);
      abort.abort(new RinglabError(`interrupted by ${name}`, ExitCode.interrupted));
    });
  try {
    const { values, positionals: sources } = readArguments({ options, positionals });
    if (values.help) console.log(help);
    else process.exitCode = await work(values, sources, abort.signal);
  } catch (thrown) {
    const error = abort.signal.aborted ? abort.signal.reason : thrown;
    console.error(errorText(error));
    process.exitCode = error instanceof RinglabError ? error.exitCode : ExitCode.lab;
  }
}
