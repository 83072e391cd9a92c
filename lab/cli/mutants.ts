import { ExitCode } from '../core/errors.ts';
import { listMutants, type MutantResult, mutantsOf, runMutants } from '../experiment/mutants.ts';
import { clean } from './clean.ts';
import { Exit } from './exit.ts';
import { many, oneSourceOf } from './options.ts';
import { columns, print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { planFrom } from './request.ts';
import { matrixCommand } from './run.ts';

function line({ name, fault, killed, killedBy, broken }: MutantResult): string[] {
  if (broken) return ['BROKEN', name, `${fault} (${broken})`];
  return [killed ? 'killed' : 'SURVIVED', name, killed ? `by ${killedBy}` : fault];
}

export const mutantsVerb = (signal: AbortSignal) =>
  matrixCommand('mutants')
    .description(
      'Plant known faults, of a series or of mainline code, one by one and check that the suites notice each.',
    )
    .addOption(many('--mutant <text>', 'only mutants whose name contains this'))
    .addHelpText(
      'after',
      '\nExample: ringlab mutants --series nvme-uring-cmd-multipath\n         ringlab mutants --suite passthrough',
    )
    .action(async (options) => {
      const ctx = contextFor(signal, options);
      oneSourceOf(options);
      const { plan, stack } = await planFrom(options, ctx);
      if (options.dryRun) {
        const mutants = await listMutants(mutantsOf(plan, stack), options.mutant);
        return options.json
          ? printJson({ mutants })
          : print(columns(mutants.map(({ name, path }) => [name, path])));
      }
      const onResult = (result: MutantResult) =>
        ctx.emit({ stage: 'run', subject: 'mutant', kind: 'note', text: line(result).join(' ') });
      const mutants = await runMutants(plan, stack, { only: options.mutant, onResult }, ctx);
      ctx.renderer.finish();
      if (options.json)
        printJson({
          mutants,
          killed: mutants.filter((mutant) => mutant.killed).length,
          total: mutants.length,
        });
      else print(clean(columns(mutants.map(line))));
      if (mutants.some((mutant) => !mutant.killed)) throw new Exit(ExitCode.failed);
    });
