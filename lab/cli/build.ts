import { Command, Option } from '@commander-js/extra-typings';
import { ExitCode } from '../core/errors.ts';
import { buildRequested, buildSteps } from '../experiment/build.ts';
import type { KernelBuild } from '../model/kernel.ts';
import { oneLine } from '../model/visible.ts';
import { Exit } from './exit.ts';
import { type KernelOptions, quietOption, single, withKernel } from './options.ts';
import { columns, print, printJson } from './output.ts';
import { contextFor, type ReportingOptions } from './render.ts';
import { kernelRequest } from './request.ts';

type Options = KernelOptions &
  ReportingOptions & { series?: string; each: boolean; bootImage: boolean; json: boolean };

function describe(build: KernelBuild): string {
  const how = build.cached ? 'was built before' : `built in ${build.seconds.toFixed(1)} s`;
  const lines = [
    `${build.name} ${oneLine(build.release)}: ${how}${build.sandboxed ? ', sandboxed' : ', without a sandbox'}`,
    `  key     ${build.key}`,
    `  vmlinux ${build.vmlinux}`,
    ...(build.bootImage === undefined ? [] : [`  image   ${build.bootImage}`]),
    `  uapi    ${build.uapi}`,
    `  log     ${build.log}`,
    `  ${build.warnings.length} compiler warnings`,
  ];
  for (const warning of build.newWarnings ?? []) lines.push(`  new: ${oneLine(warning)}`);
  return lines.join('\n');
}

async function build(options: Options, signal: AbortSignal): Promise<void> {
  const ctx = contextFor(signal, options);
  const request = kernelRequest(options);
  if (options.each) {
    const results = await buildSteps(request, ctx);
    if (options.json) printJson('build-each', results);
    else {
      print(
        columns(
          results.map((step) => [
            step.ok ? 'ok' : 'FAIL',
            `${step.seconds.toFixed(1)} s`,
            step.name,
            step.error?.message ?? '',
          ]),
        ),
      );
      for (const { name, newWarnings } of results)
        for (const warning of newWarnings) print(oneLine(`${name}: new warning: ${warning}`));
      for (const { name, error } of results) if (error) print(`\n${oneLine(name)}\n${error.detail}`);
    }
    if (results.some((step) => !step.ok)) throw new Exit(ExitCode.failed);
    return;
  }
  const built = await buildRequested(request, ctx, { bootImage: options.bootImage });
  if (options.json) printJson('build', built);
  else print(describe(built));
}

/** `ringlab build`. */
export const buildVerb = (signal: AbortSignal) =>
  withKernel(
    new Command('build').description('Build a kernel, with a series on top, or after each of its patches.'),
  )
    .addOption(single('--series <series>', 'a series by name or path'))
    .option('--each', 'build after every patch and say which does not build', false)
    .addOption(
      new Option('--boot-image', 'make the compressed image as well, which other boot loaders take')
        .default(false)
        .conflicts('each'),
    )
    .option('--json', 'print the result as JSON', false)
    .option('-v, --verbose', 'show warnings and errors of the compiler as they come', false)
    .addOption(quietOption())
    .addHelpText('after', '\nExample: ringlab build --series nvme-uring-cmd-multipath --each')
    .action((options) => build(options, signal));
