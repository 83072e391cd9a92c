import type { GuestProgram } from '../../../lab/model/protocol.ts';
import { exitConvention, SKIP_CODES } from '../../../lab/tap/exit.ts';
import { reasonOfExit } from '../../../lab/tap/exit-reason.ts';
import type { Outcome } from '../tap.ts';
import { MAX_OUTPUT, type ProgramRun } from './child.ts';

/** What a program printed, for its result. */
export interface Printed {
  stdout: string;
  stderr: string;
  /** It printed TAP, whose results have been passed on. */
  tap: boolean;
}

/** Whether no result of TAP is that of a test that ran. */
const hasOnlySkips = (tap: string) =>
  !tap.split('\n').some((line) => /^\s*(?:# )?(?:not )?ok\b/.test(line) && !/#\s*skip/i.test(line));

/** Verdict of an end, with the directive that its TAP line has, or its reason. */
function judge(
  end: ProgramRun['end'],
  program: GuestProgram,
  printed: Printed,
): Pick<Outcome, 'ok' | 'directive' | 'timedOut'> & { reason?: string } {
  const seconds = program.timeoutMs / 1000;
  switch (end.kind) {
    case 'not started':
      return { ok: false, reason: `cannot be started: ${end.reason}` };
    case 'timeout':
      return { ok: false, timedOut: true, reason: `still running after ${seconds} s` };
    case 'flood':
      return { ok: false, reason: `ended after ${MAX_OUTPUT >> 20} MiB of output` };
    case 'signal':
      return { ok: false, reason: `ended by ${end.signal}` };
    default: {
      const { code } = end;
      // The results of TAP say the rest.
      if (printed.tap && program.tapFirst) {
        if (!SKIP_CODES.includes(code) || !hasOnlySkips(printed.stdout))
          return { ok: code === 0, reason: `exit code ${code}` };
        const why = reasonOfExit('skip', code, printed.stdout, printed.stderr) ?? `exit code ${code}`;
        return { ok: true, directive: `SKIP ${why}` };
      }
      if (!program.convention) return { ok: false, reason: `printed no TAP, exit code ${code}` };
      const verdict = exitConvention(program.convention, code);
      if (verdict === 'pass') return { ok: true };
      const reason = reasonOfExit(verdict, code, printed.stdout, printed.stderr) ?? `exit code ${code}`;
      if (verdict === 'skip') return { ok: true, directive: `SKIP ${reason}` };
      if (verdict === 'todo') return { ok: false, directive: `TODO exit code ${code}` };
      if (verdict === 'timeout') return { ok: false, timedOut: true, reason: `exit code ${code}` };
      return { ok: false, reason };
    }
  }
}

/** The outcome of a program, with what it printed where it is no TAP. */
export function outcomeOf(program: GuestProgram, { end, durationMs }: ProgramRun, printed: Printed): Outcome {
  const { reason, ...verdict } = judge(end, program, printed);
  const state: Record<string, string> = 'state' in end && end.state ? { kernel: end.state } : {};
  const { stdout, stderr, tap } = printed;
  const diagnostics: Record<string, string> = {
    ...(reason === undefined || verdict.ok ? {} : { message: reason }),
    ...state,
    ...(tap || !stdout.trim() ? {} : { stdout: stdout.trimEnd() }),
    ...(!stderr.trim() ? {} : { stderr: stderr.trimEnd() }),
  };
  return { ...verdict, durationMs, diagnostics };
}
