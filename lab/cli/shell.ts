import { basename, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { runOnTerminal } from '../core/process.ts';
import { quoted } from '../core/quote.ts';
import { dryShell } from '../experiment/dry-run.ts';
import { singleSourceOf } from '../experiment/request.ts';
import { inFreshGuest } from '../experiment/shell.ts';
import { connectTo, copyToGuest } from '../guest/index.ts';
import type { Guest } from '../model/machine.ts';
import { Exit } from './exit.ts';
import { many, quietOption, single, withGuest, withKernel } from './options.ts';
import { print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { kernelRequest, planFrom } from './request.ts';
import { endOfCommand, endOfTerminal } from './shell-end.ts';
import { stderr, stdout } from './terminal.ts';

/** A shell takes a single word as a command line, several as a program and its arguments. */
const commandLine = (words: readonly string[]) =>
  words.length === 1 ? (words[0] ?? '') : words.map(quoted).join(' ');

function sshArguments({ ssh }: Guest): string[] {
  const options = [
    `UserKnownHostsFile=${ssh.hostKeyFile}`,
    ...['StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'LogLevel=ERROR'],
  ];
  return [
    ...['-F', '/dev/null', '-i', ssh.keyFile, '-p', String(ssh.port)],
    ...options.flatMap((option) => ['-o', option]),
    ...['-t', 'root@127.0.0.1'],
  ];
}

/** The interactive shell: bash where the image has it. */
const LOGIN = 'command -v bash >/dev/null && exec bash -l || exec sh -l';

/** Says how other terminals reach the guest while it runs. */
function announce(guest: Guest, id: string): void {
  const command = ['ssh', ...sshArguments(guest)].map(quoted).join(' ');
  stderr.write(`guest ${id}: ${command}\n  files: ringlab cp FILE ${id}:, ringlab cp ${id}:/PATH .\n`);
}

/** Copies files of this machine into the guest's working folder, root's home. */
async function pushInto(guest: Guest, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length === 0) return;
  await using link = await connectTo(guest, signal);
  const files = await link.files();
  for (const path of paths) await copyToGuest(files, path, basename(resolve(path)), signal);
}

/** Throws one InputError with every path of `--push` that is not there: known before a guest boots. */
async function checkPushed(paths: readonly string[]): Promise<void> {
  const present = await Promise.all(paths.map(exists));
  const missing = paths.filter((_, index) => !present[index]);
  if (missing.length > 0)
    throw new InputError(
      missing.map((where) => ({ what: 'no such file or folder', where, fix: 'correct --push' })),
    );
}

async function use(guest: Guest, words: readonly string[], signal: AbortSignal): Promise<number> {
  if (words.length === 0) {
    const code = await runOnTerminal('ssh', [...sshArguments(guest), LOGIN]);
    return endOfTerminal(guest, code, signal);
  }
  const command = guest.exec(commandLine(words), {
    signal,
    // A terminal stays with the user, who could not end its input.
    ...(process.stdin.isTTY ? {} : { stdin: process.stdin }),
    onStdout: (chunk) => stdout.data(chunk),
    onStderr: (chunk) => stderr.data(chunk),
  });
  return endOfCommand(guest, command, signal);
}

/** `ringlab shell`. */
export const shellVerb = (signal: AbortSignal) =>
  withGuest(withKernel(new Command('shell')))
    .description(
      'SSH into a fresh guest; with -- CMD run one command there, with standard input, and take its exit code.',
    )
    .argument('[command...]', 'run this instead of an interactive shell')
    .addOption(single('--series <series>', 'a series by name or path'))
    .option('--guest <profile>', 'the guest profile', 'plain')
    .addOption(many('--push <path>', 'copy a file or folder into the working folder of the guest first'))
    .option('--dry-run', "print QEMU's command line", false)
    .option('--json', 'with --dry-run: print it as JSON', false)
    .option('-v, --verbose', 'show the output of the tools', false)
    .addOption(quietOption())
    .addHelpText(
      'after',
      '\nExample: ringlab shell --guest iommu-strict -- cat /proc/cmdline\n         ringlab shell --packages bash,fio --push ./tests',
    )
    .action(async (words, options) => {
      const ctx = contextFor(signal, options);
      await checkPushed(options.push);
      singleSourceOf(kernelRequest(options));
      const matrix = { ...options, guest: [options.guest], suite: [], only: [], jobs: 1 };
      const { plan, stack } = await planFrom(matrix, ctx);
      const profile = plan.pairs[0]?.profile;
      if (!profile) throw new InputError({ what: 'no such guest', where: '--guest' });
      if (options.dryRun) {
        const command = await dryShell(plan, profile, stack, ctx);
        return options.json ? printJson('shell-dry-run', { command }) : print(command.map(quoted).join(' '));
      }
      const code = await inFreshGuest(
        plan,
        profile,
        stack,
        async (guest, id) => {
          ctx.renderer.finish();
          if (!options.quiet) announce(guest, id);
          await pushInto(guest, options.push, signal);
          return use(guest, words, signal);
        },
        ctx,
      );
      if (code !== 0) throw new Exit(code);
    });
