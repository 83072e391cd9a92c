#!/usr/bin/env node
/**
 * A QEMU for tests: takes the real command line, connects to the lab's sockets, prints a console and serves SSH. The kernel
 * argument `fake=WORD` selects how the boot goes, the command `fake-WORD` what happens to the guest afterwards.
 */
import { readFileSync, writeSync } from 'node:fs';
import { serveControl } from './control.mjs';
import { serveSsh } from './sshd.mjs';

const args = process.argv.slice(2);
/** The argument after an option. */
const after = (option) => args[args.indexOf(option) + 1] ?? '';
/** The value of a field `name=` in each argument that has it, else undefined. */
const field = (name) => args.map((arg) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(arg)?.[1]);
const scenario = /\bfake=(\S+)/.exec(after('-append'))?.[1] ?? 'up';

/** Prints on the console, unbuffered like a real QEMU. */
const print = (text) => {
  const bytes = Buffer.from(text, 'latin1');
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
};

/**
 * Ends the process, with a SHUTDOWN event before if there is a `reason`. With -no-shutdown what the guest does only stops the guest, as in
 * a real QEMU.
 */
function shutDown(control, reason, code) {
  if (reason) control.event('SHUTDOWN', { guest: true, reason });
  const isStopped = reason?.startsWith('guest-') && args.includes('-no-shutdown');
  if (!isStopped) control.end(() => process.exit(code));
}

const PANIC = [
  '[    1.0] Kernel panic - not syn',
  'cing: fake crash\r\n[    1.1] Call Trace:\r\n',
  'the very end\r\n',
];

function panic(control) {
  for (const piece of PANIC) print(piece);
  shutDown(control, 'guest-reset', 0);
}

/** Runs a `fake-WORD` command; returns whether it was one. */
function runFakeCommand(control, command) {
  const commands = {
    'fake-panic': () => panic(control),
    'fake-stuck-panic': () => print(PANIC.join('')),
    'fake-reboot': () => shutDown(control, 'guest-reset', 0),
    'fake-poweroff': () => shutDown(control, 'guest-shutdown', 0),
    'fake-abort': () => {
      process.stderr.write('qemu: assertion failed\n');
      shutDown(control, undefined, 5);
    },
    'fake-endless': () => {
      const go = () => {
        for (let i = 0; i < 16; i++) print(`${'noise '.repeat(10_000)}\n`);
        setImmediate(go);
      };
      go();
    },
    'fake-talk': () => print(`${'talk '.repeat(10)}\n`.repeat(100_000)),
    'fake-segfault': () => process.kill(process.pid, 'SIGSEGV'),
    'fake-terminated': () => shutDown(control, 'host-signal', 0),
    'fake-freeze': () => process.kill(process.pid, 'SIGSTOP'),
    'fake-flood': () => {
      for (let i = 0; i < 100; i++) print(`${'x'.repeat((1 << 20) - 2)}\xff\n`);
      panic(control);
    },
  };
  commands[command]?.();
  return command in commands;
}

if (scenario === 'refuse') {
  process.stderr.write('qemu: no such thing as that\n');
  process.exit(1);
}
const seed = readFileSync(field('file').find((file) => file?.endsWith('seed.tar')));
const isTemplate = seed.includes('ringlab.template');
const closesFirst = isTemplate && scenario === 'closes-first';
const isFork = args.includes('-incoming');
const ssh = isTemplate
  ? { port: 1 }
  : await serveSsh(seed, (command) => runFakeCommand(control, command), {
      mute: scenario === 'mute',
      closing: scenario === 'closing' ? 3 : 0,
    });
const qtestPath = after('-qtest').replace('unix:', '');
const control = await serveControl(field('path').find(Boolean), qtestPath, ssh.port, args, {
  ...{ scenario, print, closesFirst },
});
// Its sockets close before it ends, as they do when the host takes a process down slowly.
if (closesFirst) setTimeout(() => process.exit(0), 300);

if (!isFork) print('[    0.0] Linux version fake\r\n');
if (isFork) {
  // It runs when the lab says so (migration.mjs).
} else if (closesFirst) for (const piece of PANIC) print(piece);
else if (isTemplate && scenario === 'templateless') panic(control);
else if (isTemplate && scenario !== 'slow-template') print('ringlab: template is ready\r\n');
else if (isTemplate) print('it takes its time\r\n');
else if (scenario === 'panic') panic(control);
else if (scenario === 'killed') process.kill(process.pid, 'SIGKILL');
else if (scenario === 'endless') runFakeCommand(control, 'fake-endless');
else if (scenario === 'reboot') shutDown(control, 'guest-reset', 0);
else if (scenario !== 'hang') {
  print('ringlab: guest ');
  print('is up\r\n');
}
