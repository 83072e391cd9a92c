import { outcomeOf } from '../compare/outcome.ts';
import { ExitCode } from '../core/errors.ts';
import { listMutants, mutantsOf } from '../experiment/mutant-files.ts';
import { runMutants } from '../experiment/mutants.ts';
import { singleSourceOf } from '../experiment/request.ts';
import { Exit } from './exit.ts';
import { many } from './options.ts';
import { columns, print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { kernelRequest, planFrom } from './request.ts';
import { matrixCommand, recordOptions } from './run.ts';
import { stderr } from './terminal.ts';
import { mutantWords } from './words.ts';

/** `ringlab mutants`. */
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
      singleSourceOf(kernelRequest(options));
      const { plan, stack } = await planFrom(options, ctx);
      if (options.dryRun) {
        const files = await listMutants(mutantsOf(plan, stack), options.mutant);
        return options.json
          ? printJson('mutants-dry-run', { mutants: files })
          : print(columns(files.map(({ name, path }) => [name, path])));
      }
      const recording = { ...recordOptions(options), only: options.mutant };
      const { mutants, record } = await runMutants(plan, stack, recording, ctx);
      ctx.renderer.finish();
      if (options.json)
        printJson('mutants', {
          mutants,
          killed: mutants.filter((mutant) => mutant.killed).length,
          total: mutants.length,
        });
      else {
        const rows = mutants.map(({ name, ...mutant }) => mutantWords({ ...mutant, mutant: name }));
        print(columns(rows));
      }
      for (const { message } of record.failures) stderr.write(`ringlab: ${message}\n`);
      const { exitCode: code } = outcomeOf(record);
      if (code !== ExitCode.ok) throw new Exit(code);
    });
