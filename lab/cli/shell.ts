import { Command } from '@commander-js/extra-typings';
import { ExitCode, InputError } from '../core/errors.ts';
import { runOnTerminal } from '../core/process.ts';
import { quoted } from '../core/quote.ts';
import { dryShell } from '../experiment/dry-run.ts';
import { singleSourceOf } from '../experiment/request.ts';
import { inFreshGuest } from '../experiment/shell.ts';
import type { Guest } from '../model/machine.ts';
import { Exit } from './exit.ts';
import { withGuest, withKernel } from './options.ts';
import { print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { kernelRequest, planFrom } from './request.ts';
import { stderr, stdout } from './terminal.ts';

/** A shell takes a single word as a command line of its own, several as a program and its arguments. */
const commandLine = (words: readonly string[]) =>
  words.length === 1 ? (words[0] ?? '') : words.map(quoted).join(' ');

function sshArguments({ ssh }: Guest): string[] {
  const options = [
    `UserKnownHostsFile=${ssh.hostKeyFile}`,
    'StrictHostKeyChecking=yes',
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
  ];
  return [
    '-F',
    '/dev/null',
    '-i',
    ssh.keyFile,
    '-p',
    String(ssh.port),
    ...options.flatMap((o) => ['-o', o]),
    '-t',
    'root@127.0.0.1',
  ];
}

async function use(guest: Guest, words: readonly string[], signal: AbortSignal): Promise<number> {
  if (words.length === 0) return runOnTerminal('ssh', sshArguments(guest));
  const ended = guest.exec(commandLine(words), {
    signal,
    onStdout: (chunk) => stdout.data(chunk),
    onStderr: (chunk) => stderr.data(chunk),
  });
  const first = await Promise.race([ended, guest.death]);
  if ('kind' in first) {
    stderr.write(`ringlab: the guest is gone: ${first.kind}, ${first.title}\n${first.tail}\n`);
    return ExitCode.failed;
  }
  return first.code ?? ExitCode.lab;
}

/** `ringlab shell`. */
export const shellVerb = (signal: AbortSignal) =>
  withGuest(withKernel(new Command('shell')))
    .description('SSH into a fresh guest; with -- CMD run one command there and take its exit code.')
    .argument('[command...]', 'run this instead of an interactive shell')
    .option('--series <series>', 'a series by name or path')
    .option('--guest <profile>', 'the guest profile', 'plain')
    .option('--dry-run', "print QEMU's command line", false)
    .option('--json', 'with --dry-run: print it as JSON', false)
    .option('-v, --verbose', 'show the output of the tools', false)
    .addHelpText('after', '\nExample: ringlab shell --guest iommu-strict -- cat /proc/cmdline')
    .action(async (words, options) => {
      const ctx = contextFor(signal, options);
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
        (guest) => {
          ctx.renderer.finish();
          return use(guest, words, signal);
        },
        ctx,
      );
      if (code !== 0) throw new Exit(code);
    });
