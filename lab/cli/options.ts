import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import { PackageNames } from '../model/suite.ts';
import type { Allowed } from '../model/unproven.ts';
import { DEFAULT_JOBS } from '../plan/plan.ts';

/** Parses a whole number of at least `min`. */
export const whole = (min: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new InvalidArgumentError(`expected a whole number of at least ${min}.`);
};

/** An http or https address. */
export function httpUrl(text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  throw new InvalidArgumentError('expected an address that starts with https:// or http://.');
}

/** The address of a published folder, without the slash at its end. */
export const publishedUrl = (text: string): string => httpUrl(text).href.replace(/\/+$/, '');

const list = (value: string, before: string[]) => [...before, value];

/** An option that may be given several times. */
export const many = <F extends string>(flags: F, text: string) =>
  new Option(flags, text).argParser(list).default([] as string[]);

/** An option that may be given once: of two values the user would lose one without noticing. */
export const single = <F extends string>(flags: F, text: string) =>
  new Option(flags, text).argParser((value: string, before: string | undefined): string => {
    if (before === undefined) return value;
    throw new InvalidArgumentError(`it was given before, as ${JSON.stringify(before)}.`);
  });

/** For scripts, which need no progress. */
export const quietOption = () =>
  new Option('-q, --quiet', 'print the result only, no progress').default(false).conflicts('verbose');

/** Names separated by commas; the option may be given several times. */
const packagesOption = () =>
  new Option('--packages <names>', 'Debian packages to add to the image, with what they depend on: bash,fio')
    .argParser((value: string, before: string[]) => {
      const names = value.split(/[\s,]+/).filter(Boolean);
      const wrong = names.filter((name) => !PackageNames.safeParse([name]).success);
      if (wrong.length === 0 && names.length > 0) return [...before, ...names];
      throw new InvalidArgumentError(`expected names of Debian packages, got ${wrong.join(', ') || 'none'}.`);
    })
    .default([] as string[]);

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
    .addOption(many('--kernel <name>', 'a source by name, see `ringlab source list` (default: debian-6.12)'))
    .addOption(single('--tree <path>', 'your own kernel: a git tree, a tarball or a folder'))
    .addOption(single('--base <rev>', 'with --tree: the revision to start from (default: HEAD)'))
    .option('--config <start>', 'tinyconfig, defconfig or a config file to start from', 'tinyconfig')
    .addOption(many('--fragment <file>', 'a config fragment of your own on top of the usual ones'))
    .option('--debug', 'the debug kernel: KASAN, lockdep, DMA-API debug, kmemleak', false)
    .addOption(unsafeNoSandboxOption());

/** Which guest, and how big. */
export const withGuest = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .addOption(single('--guests-file <file>', 'a YAML file with guest profiles of your own'))
    .addOption(
      single(
        '--recipe <recipe>',
        'the image of the guests: a name under images/, or the path of a recipe of your own',
      ),
    )
    .addOption(packagesOption())
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

/** What a run or comparison may lack without failing. */
export const withAllowances = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .option(
      '--allow-skips',
      'do not fail because tests are skipped: all of them, or tests that ran on the base',
      false,
    )
    .option('--allow-gone', 'do not fail because tests or figures of the base are not there', false);

/** What the options of `withAllowances` allow. */
export const allowedBy = ({
  allowSkips,
  allowGone,
}: {
  allowSkips: boolean;
  allowGone: boolean;
}): Allowed => ({
  skips: allowSkips,
  gone: allowGone,
});

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
