/** One mistake in the user's input. */
export interface Problem {
  /** What is wrong, in one sentence. */
  what: string;
  /** Where: `file:line:column`, an option, or a path inside a document. */
  where?: string;
  /** What was expected there. */
  expected?: string;
  /** How to correct it. */
  fix?: string;
}

/** Exit codes of every verb (docs: README). `unread` is that of a program that SIGPIPE ended, 128 + 13. */
export const ExitCode = { ok: 0, failed: 1, input: 2, lab: 3, interrupted: 130, unread: 141 } as const;

function describe({ what, where, expected, fix }: Problem): string {
  const lines = [where ? `${where}: ${what}` : what];
  if (expected) lines.push(`  expected: ${expected}`);
  if (fix) lines.push(`  fix: ${fix}`);
  return lines.join('\n');
}

/** Base of every error that ringlab throws on purpose, with the exit code of a verb that ends with it. */
export class RinglabError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** The user's input is wrong (exit 2). Has every problem of the input, not just the first. */
export class InputError extends RinglabError {
  readonly problems: readonly Problem[];
  constructor(problems: Problem | readonly Problem[], options?: ErrorOptions) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(list.map(describe).join('\n'), ExitCode.input, options);
    this.problems = list;
  }
}

/** The lab itself failed: host, QEMU, disk, network (exit 3). */
export class LabError extends RinglabError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, ExitCode.lab, options);
  }
}

/**
 * The kernel or series under test is at fault (exit 1): it does not apply, build or boot. `verdict` is that of its cells; `detail`
 * is the evidence, ready to print.
 */
export class VerdictError extends RinglabError {
  readonly verdict: 'apply-failed' | 'build-failed' | 'boot-failed';
  readonly detail: string;
  constructor(verdict: VerdictError['verdict'], message: string, detail: string, options?: ErrorOptions) {
    super(message, ExitCode.failed, options);
    this.verdict = verdict;
    this.detail = detail;
  }
}

/** The message of any thrown value, with those of its causes. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\n  cause: ${errorText(error.cause)}`;
  return `${error.message}${cause}`;
}
