import { ExitCode, errorText, LabError, RinglabError } from '../core/errors.ts';
import { asReported } from '../core/storage.ts';
import { Exit } from './exit.ts';
import { stderr } from './terminal.ts';

/** The error of an exception that no caller got: a fault of the lab, never one of the kernel. */
export function faultOf(error: unknown): RinglabError {
  const reported = asReported(error);
  if (reported instanceof RinglabError) return reported;
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new LabError(`unexpected: ${trace}`);
}

/** The exit code of a command that ends with an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.code;
  if (error instanceof RinglabError) return error.exitCode;
  return ExitCode.lab;
}

/** Words a failure on standard error: an error that was thrown on purpose with its evidence, any other with its stack. */
export function reportFailure(cause: unknown): void {
  const unexpected = !(cause instanceof RinglabError) && cause instanceof Error;
  stderr.write(`ringlab: ${errorText(cause)}\n${unexpected ? `${cause.stack}\n` : ''}`);
  const { detail } = Object(cause) as { detail?: unknown };
  if (detail) stderr.write(`\n${detail}\n`);
}
