import { execFileSync } from 'node:child_process';
import { ABIS } from '../../core/sandbox/system-calls.ts';
import { perl } from './attack.ts';
import { SECRET } from './victims.ts';

/** Numbers of system calls; -1, which fails, for an architecture without a table. */
const {
  add_key: add,
  request_key: request,
  keyctl: control,
} = ABIS[process.arch]?.denied ?? {
  add_key: -1,
  request_key: -1,
  keyctl: -1,
};

const WANTED = 'ringlab-wanted';
const LEFT = 'ringlab-left';

/** Put before a command line: the command has a private session with a key, whose text is the secret. Without keyrings it has none. */
export const withKey = [
  ...['perl', '-e'],
  `my ($type, $name, $text) = ("user", "${WANTED}", "${SECRET}");
   syscall(${control}, 1, 0) > 0 and syscall(${add}, $type, $name, $text, length $text, -3); exec @ARGV`,
  '--',
];

/** Prints the key of the user. */
export const readKey = perl(
  `my ($type, $name, $text) = ("user", "${WANTED}", "\\0" x 99);
   syscall(${control}, 11, syscall(${request}, $type, $name, 0, 0), $text, 99, 0); print "$text\\n"`,
);

/** Leaves a key with the session and with the user. */
export const leaveKey = perl(
  `my ($type, $name, $text) = ("user", "${LEFT}", "x"); syscall(${add}, $type, $name, $text, 1, $_) for -3, -4, -5`,
);

/** Whether an attack has left a key with the session of this process. */
export function hasLeftKey(): boolean {
  const find = `my ($type, $name) = ("user", "${LEFT}"); print syscall(${request}, $type, $name, 0, 0)`;
  return Number(execFileSync('perl', ['-e', find], { encoding: 'utf8' })) > 0;
}
