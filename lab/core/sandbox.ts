import { errorText, LabError } from './errors.ts';
import { SANDBOX_FAILED_CODE, type SandboxAccess, type SandboxPolicy } from './sandbox/access.ts';
import { findCounter } from './sandbox/cgroup.ts';
import { sandboxCommand } from './sandbox/command.ts';
import { systemCallFilter } from './sandbox/filter.ts';
import { limitNames } from './sandbox/limits.ts';
import { selfTest } from './sandbox/selftest.ts';

export {
  defaultLimits,
  type Limits,
  MEMORY_LIMIT_CODE,
  type Overlay,
  PROCESS_LIMIT_CODE,
  SANDBOX_FAILED_CODE,
  type SandboxAccess,
  type SandboxPolicy,
  TIME_LIMIT_CODE,
} from './sandbox/access.ts';
export { overlayWorks } from './sandbox/overlay-works.ts';

/**
 * Tries to escape from the sandbox that `sandboxed` uses (`selfTest`). Resolves to undefined when the sandbox works and holds, else to
 * the reason in one line. Throws only the abort reason.
 */
export async function trySandbox(signal?: AbortSignal): Promise<string | undefined> {
  try {
    return await selfTest(signal);
  } catch (error) {
    signal?.throwIfAborted();
    return errorText(error).trim();
  }
}

let tried: Promise<string | undefined> | undefined;

/** The result of `trySandbox`, tried once in the life of this process. */
function triedOnce(): Promise<string | undefined> {
  tried ??= trySandbox();
  return tried;
}

/** Whether the sandbox works and holds here; tried once in the life of this process. */
export async function sandboxWorks(): Promise<boolean> {
  return (await triedOnce()) === undefined;
}

const PROTECTIONS = [
  ...['user namespace', 'process namespace', 'network namespace', 'IPC namespace', 'file system allow-list'],
  ...[
    'no capabilities',
    'no new privileges',
    'no further user namespaces',
    'own session',
    'clean environment',
  ],
];

/** The protections around commands that `sandboxed` returns, for records; empty without a sandbox. Throws nothing. */
export async function protections(policy: SandboxPolicy = {}): Promise<string[]> {
  if (policy.unsafeNoSandbox || !(await sandboxWorks())) return [];
  const filter = systemCallFilter().length > 0 ? ['seccomp filter'] : [];
  return [...PROTECTIONS, ...filter, ...limitNames(await findCounter()), 'escape self-test passed'];
}

function unsandboxed(command: readonly string[], { env }: SandboxAccess): string[] {
  if (!env) return [...command];
  return [
    '/usr/bin/env',
    '-i',
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...command,
  ];
}

/**
 * A command line that runs `command` in the sandbox, with the environment and limits of `access`. The caller starts it with
 * `run(file, args, { maxOutput })`, which limits its output. It ends with one of the codes of its limits or SANDBOX_FAILED_CODE only for
 * these reasons: a command's code of that number becomes 1. With `unsafeNoSandbox` the command runs without sandbox and limits. Throws
 * LabError when no sandbox works here.
 *
 * @example
 * const [file, ...args] = await sandboxed(['make', 'headers'], { writable: [objects], readable: [tree], cwd: objects }, ctx);
 */
export async function sandboxed(
  command: readonly string[],
  access: SandboxAccess,
  policy: SandboxPolicy = {},
): Promise<string[]> {
  if (policy.unsafeNoSandbox) return unsandboxed(command, access);
  const reason = await triedOnce();
  if (reason !== undefined) throw new LabError(refusal(reason));
  return sandboxCommand(command, access);
}

/** Throws LabError when the command of a result did not start, because its sandbox could not be set up. */
export function throwIfSandboxFailed({ code, stderr }: { code: number; stderr: string }): void {
  if (code === SANDBOX_FAILED_CODE) throw new LabError(`the sandbox failed: ${stderr.trim()}`);
}

/** How to get a sandbox that works; `reason` is of `trySandbox`. */
export function sandboxFix(reason: string): string {
  if (/command not found/.test(reason)) return 'apt-get install bubblewrap';
  if (/disable-userns|Unknown option/i.test(reason)) return 'install bubblewrap 0.8 or later';
  return 'allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces)';
}

function refusal(reason: string): string {
  return [
    `code of kernels and image recipes is not run, because the sandbox does not work: ${reason}`,
    `  fix: ${sandboxFix(reason)}; ringlab doctor examines it`,
    '  or run it with all your rights, if you trust it: --unsafe-no-sandbox',
  ].join('\n');
}
