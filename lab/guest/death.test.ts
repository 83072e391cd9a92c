/** Whose fault the end of a QEMU is: the same before and after the guest is ready. */
import t from 'tap';
import { LabError, VerdictError } from '../core/errors.ts';
import { bootError, deathOf, type QemuEnd } from './death.ts';

const end = (more: Partial<QemuEnd>): QemuEnd => ({ code: null, signal: null, stderr: '', ...more });

const emulators: [string, QemuEnd][] = [
  ...['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGSYS', 'SIGFPE'].map((signal): [string, QemuEnd] => [
    `a crash by ${signal}`,
    end({ signal }),
  ]),
  ['an error of its own', end({ code: 1, stderr: 'qemu: nvme: out of range' })],
  ['an error that it announced', end({ code: 1, shutdown: 'host-error' })],
];
for (const [what, ending] of emulators) {
  t.test(`${what} is the fault of QEMU, in a boot as in a suite`, async (t) => {
    const death = deathOf(ending, 'the tail');
    t.match(death, { kind: 'qemu', title: /^QEMU (crashed|ended)/, tail: 'the tail' });
    t.type(bootError('k/plain', death), LabError);
  });
}

const guests: [string, QemuEnd, string][] = [
  ['a reset', end({ code: 0, shutdown: 'guest-reset' }), 'reboot'],
  ['a power-off', end({ code: 0, shutdown: 'guest-shutdown' }), 'exit'],
  ['a panic before a crash of QEMU', end({ signal: 'SIGSEGV', panic: 'Kernel panic - x' }), 'panic'],
  ['a reset before a crash of QEMU', end({ signal: 'SIGABRT', shutdown: 'guest-reset' }), 'reboot'],
  ['a flood', end({ signal: 'SIGKILL', flood: 'it printed too much' }), 'flood'],
];
for (const [what, ending, kind] of guests) {
  t.test(`${what} is the fault of the kernel, in a boot as in a suite`, async (t) => {
    const death = deathOf(ending, 'the tail');
    t.equal(death.kind, kind, 'kind of the death');
    t.type(bootError('k/plain', death), VerdictError);
  });
}

t.test('a signal from outside is the fault of neither, and no verdict', async (t) => {
  for (const ending of [end({ signal: 'SIGKILL' }), end({ code: 0, shutdown: 'host-signal' })]) {
    const death = deathOf(ending, '');
    t.equal(death.kind, 'signal', 'kind of the death');
    t.type(bootError('k/plain', death), LabError);
  }
});
