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
  ['an error in QEMU', end({ code: 1, stderr: 'qemu: nvme: out of range' })],
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
  ['a reset before the lab killed QEMU', end({ signal: 'SIGKILL', shutdown: 'guest-reset' }), 'reboot'],
  ['a power-off before QEMU ended on TERM', end({ signal: 'SIGTERM', shutdown: 'guest-shutdown' }), 'exit'],
  ['a panic that a device reported', end({ code: 0, shutdown: 'guest-panic' }), 'panic'],
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
  const stderr = 'qemu-system-x86_64: terminating on signal 15 from pid 1 (init)';
  const ends = [
    end({ signal: 'SIGKILL' }),
    end({ code: 0, shutdown: 'host-signal' }),
    end({ code: 0, shutdown: 'host-signal', stderr }),
    // The channel broke before the event was read.
    end({ code: 0, stderr }),
  ];
  for (const ending of ends) {
    const death = deathOf(ending, '');
    t.equal(death.kind, 'signal', 'kind of the death');
    t.type(bootError('k/plain', death), LabError);
  }
});

t.test('why the lab ended QEMU explains a signal, but not what the guest or QEMU did before', async (t) => {
  const silent = { kind: 'silent' as const, title: 'it stopped answering' };
  const stderr = 'qemu: terminating on signal 15';
  for (const ending of [
    end({ signal: 'SIGTERM' }),
    end({ code: 0, stderr, shutdown: 'host-signal' }),
    end({ code: 0 }),
  ])
    t.same(deathOf(ending, 'x', silent), { ...silent, tail: 'x' });
  t.match(deathOf(end({ signal: 'SIGKILL', shutdown: 'guest-reset' }), 'x', silent), { kind: 'reboot' });
  t.match(deathOf(end({ signal: 'SIGKILL', panic: 'Kernel panic - y' }), 'x', silent), { kind: 'panic' });
  t.match(deathOf(end({ signal: 'SIGSEGV' }), 'x', silent), { kind: 'qemu' });
  t.match(deathOf(end({ code: 1, stderr: 'no memory' }), 'x', silent), { kind: 'qemu', title: /no memory/ });
});
