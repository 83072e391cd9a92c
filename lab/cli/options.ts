import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import { DEFAULT_JOBS } from '../plan/plan.ts';

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

/** For machines on which no sandbox works. */
export const unsafeNoSandboxOption = () =>
  new Option(
    '--unsafe-no-sandbox',
    'run code of kernels and image recipes without a sandbox, with all your rights',
  ).default(false);

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
    .option('--debug', 'the debug kernel: KASAN, lockdep, DMA-API debug, kmemleak', false)
    .addOption(unsafeNoSandboxOption());

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

/** How many guests run at the same time. */
export const jobsOption = () =>
  new Option('--jobs <n>', 'guests that run at the same time').argParser(whole(1)).default(DEFAULT_JOBS);

/** The options of `withKernel`, as commander gives them. */
export interface KernelOptions {
  kernel: string[];
  tree?: string;
  base?: string;
  config: string;
  fragment: string[];
  debug: boolean;
  unsafeNoSandbox: boolean;
}
