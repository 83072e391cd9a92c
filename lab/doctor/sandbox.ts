import { errorText } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import { type Finding, install, type Probers } from './finding.ts';
import { probe, versionIn } from './probe.ts';

/**
 * The sandbox of kernel builds: it counts only if a program runs in it, because distributions and containers forbid user
 * namespaces in several ways. Throws only the abort reason.
 */
export async function examineSandbox(ctx: StageContext, trySandbox: Probers['trySandbox']): Promise<Finding> {
  const need = 'bubblewrap';
  const level = 'optional';
  const without = 'without it kernels are built unsandboxed';
  const version = await probe(ctx, 'bwrap', ['--version']);
  if (!version.works) {
    const found = version.missing ? {} : { found: version.reason };
    return { need, ok: false, ...found, level, fix: `${install('bubblewrap')} (${without})` };
  }
  const failure = await trySandbox(ctx.signal).catch((error) => {
    ctx.signal.throwIfAborted();
    return errorText(error);
  });
  if (failure === undefined) return { need, ok: true, found: versionIn(version.output) ?? 'works', level };
  const fix = `allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run as root; ${without}`;
  return { need, ok: false, found: `installed, but does not work: ${failure}`, level, fix };
}
