import { Command } from '@commander-js/extra-typings';
import { ExitCode } from '../core/errors.ts';
import { trySandbox } from '../core/sandbox.ts';
import { examine } from '../doctor/index.ts';
import { probeAccel } from '../guest/index.ts';
import { Exit } from './exit.ts';
import { columns, print, printJson } from './output.ts';
import { contextFor } from './render.ts';

/** `ringlab doctor`. */
export const doctorVerb = (signal: AbortSignal) =>
  new Command('doctor')
    .description('Check what ringlab needs on this machine and say how to fix what is missing.')
    .option('--json', 'print the findings as JSON', false)
    .addHelpText('after', '\nExample: ringlab doctor')
    .action(async ({ json }) => {
      const ctx = contextFor(signal, {});
      const findings = await examine(ctx, { probeAccel, trySandbox });
      const missing = findings.filter((finding) => !finding.ok && finding.level === 'required');
      ctx.renderer.finish();
      if (json) printJson('doctor', { ok: missing.length === 0, findings });
      else {
        const word = (ok: boolean, level: string) =>
          ok ? 'ok' : level === 'required' ? 'MISSING' : 'missing';
        print(
          columns(
            findings.map((finding) => [word(finding.ok, finding.level), finding.need, finding.found ?? '-']),
          ),
        );
        for (const { need, ok, fix } of findings) if (!ok && fix) print(`fix ${need}: ${fix}`);
        print(
          missing.length === 0
            ? 'ringlab can run here.'
            : `ringlab cannot run here: ${missing.length} needs are missing.`,
        );
      }
      if (missing.length > 0) throw new Exit(ExitCode.lab);
    });
