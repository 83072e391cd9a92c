import { errorText } from '../core/errors.ts';
import { sandboxFix } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';
import { type Finding, install, type Probers } from './finding.ts';
import { probe, versionIn } from './probe.ts';

/**
 * The sandbox of kernel builds: it counts only if a program runs in it, because distributions and containers forbid user
 * namespaces in several ways, and if that program fails to escape. Throws only the abort reason.
 */
export async function examineSandbox(ctx: StageContext, trySandbox: Probers['trySandbox']): Promise<Finding> {
  const need = 'bubblewrap';
  const level = 'required';
  const without = 'without it kernels are built only with --unsafe-no-sandbox';
  const version = await probe(ctx, 'bwrap', ['--version']);
  if (!version.works) {
    const found = version.missing ? {} : { found: version.reason };
    return { need, ok: false, ...found, level, fix: `${install('bubblewrap')} (${without})` };
  }
  const failure = await trySandbox(ctx.signal).catch((error) => {
    ctx.signal.throwIfAborted();
    return errorText(error);
  });
  const number = versionIn(version.output) ?? 'installed';
  if (failure === undefined)
    return { need, ok: true, found: `${number}; no attempt to escape succeeds`, level };
  const found = failure.startsWith('escape: ')
    ? `but does not hold: ${failure}`
    : `but does not work: ${failure}`;
  return { need, ok: false, found: `${number}, ${found}`, level, fix: `${sandboxFix(failure)} (${without})` };
}
