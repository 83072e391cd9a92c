import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import { InputError, type Problem } from '../core/errors.ts';
import { defaultConfig } from '../kernel/index.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import type { SourceRequest } from '../model/plan.ts';

/** Parses a whole number of at least `min`. */
export const whole = (min: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new InvalidArgumentError(`expected a whole number of at least ${min}.`);
};

const list = (value: string, before: string[]) => [...before, value];

/** An option that may be given several times. */
export const many = <F extends string>(flags: F, text: string) =>
  new Option(flags, text).argParser(list).default([] as string[]);

/** Which kernel, and how it is configured. */
export const withKernel = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .addOption(many('--kernel <name>', 'a source named in kernels/sources.yaml (default: debian-6.12)'))
    .option('--tree <path>', 'your own kernel: a git tree, a tarball or a folder')
    .option('--base <rev>', 'with --tree: the revision to start from (default: HEAD)')
    .option('--config <start>', 'tinyconfig, defconfig or a config file to start from', 'tinyconfig')
    .addOption(many('--fragment <file>', 'a config fragment of your own on top of the usual ones'))
    .option('--debug', 'the debug kernel: KASAN, lockdep, DMA-API debug, kmemleak', false);

/** Which guest, and how big. */
export const withGuest = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .option('--guests-file <file>', 'a YAML file with guest profiles of your own')
    .option('--vcpus <n>', 'virtual CPUs of a guest', whole(1))
    .option('--memory <MiB>', 'memory of a guest', whole(256))
    .option('--disk <MiB>', 'size of each NVMe namespace', whole(1))
    .addOption(many('--kernel-arg <arg>', 'added to the kernel command line'))
    .addOption(many('--qemu-arg <arg>', "added to QEMU's command line, one word each"))
    .option('--boot-timeout <s>', 'seconds until a guest must be ready', whole(1))
    .addOption(
      new Option('--accel <kind>', 'accelerator (default: KVM where a guest starts with it)').choices([
        'kvm',
        'tcg',
      ] as const),
    );

/** Guests wait more than they compute: one for each core, and no more than a machine's memory bears without asking. */
const JOBS = Math.min(4, availableParallelism());

export const jobsOption = () =>
  new Option('--jobs <n>', 'guests that run at the same time').argParser(whole(1)).default(JOBS);

export interface KernelOptions {
  kernel: string[];
  tree?: string;
  base?: string;
  config: string;
  fragment: string[];
  debug: boolean;
}

/** The sources that the options name; `seriesBase` is the kernel that a series asks for where they name none. */
export function sourcesOf({ kernel, tree, base }: KernelOptions, seriesBase?: string): SourceRequest[] {
  const twice = kernel.filter((name, index) => kernel.indexOf(name) !== index);
  const problems: Problem[] = [];
  if (kernel.length > 0 && tree)
    problems.push({ what: 'two kernels are named', where: '--kernel/--tree', expected: 'one of the two' });
  if (base && !tree)
    problems.push({ what: 'a revision without a tree', where: '--base', expected: '--tree DIR --base REV' });
  for (const name of new Set(twice))
    problems.push({ what: `${name} is named twice`, where: '--kernel', expected: 'different kernels' });
  if (problems.length > 0) throw new InputError(problems);
  if (tree) return [{ tree, base }];
  return kernel.length > 0 ? kernel.map((name) => ({ kernel: name })) : [{ kernel: seriesBase }];
}

/** As `sourcesOf`, for verbs that take one kernel. */
export function oneSourceOf(options: KernelOptions, seriesBase?: string): SourceRequest {
  const [first = {}, ...others] = sourcesOf(options, seriesBase);
  if (others.length === 0) return first;
  throw new InputError({ what: 'several kernels are named', where: '--kernel', expected: 'one of them' });
}

export function configOf(options: KernelOptions): KernelConfigRequest {
  const usual = defaultConfig(options.debug);
  return { ...usual, start: options.config, fragments: [...usual.fragments, ...options.fragment] };
}
