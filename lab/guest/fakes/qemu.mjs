/**
 * A QEMU for tests: takes the real command line, connects to the lab's sockets, speaks on the console and lets one log in.
 * `fake=WORD` among the kernel arguments says how the kernel comes up, `fake-WORD` as a command what happens to it later.
 */
import { readFileSync, writeSync } from 'node:fs';
import { serveControl } from './control.mjs';
import { serveSsh } from './sshd.mjs';

const args = process.argv.slice(2);
const after = (option) => args[args.indexOf(option) + 1] ?? '';
const field = (name) => args.map((arg) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(arg)?.[1]);
const kernelWay = /\bfake=(\S+)/.exec(after('-append'))?.[1] ?? 'up';

// A real QEMU writes its console without buffering, too.
const say = (text) => {
  const bytes = Buffer.from(text, 'latin1');
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
};

function leave(control, reason, code) {
  if (reason) control.event('SHUTDOWN', { guest: true, reason });
  control.end(() => process.exit(code));
}

const PANIC = [
  '[    1.0] Kernel panic - not syn',
  'cing: fake crash\r\n[    1.1] Call Trace:\r\n',
  'the very end\r\n',
];

function panic(control) {
  for (const piece of PANIC) say(piece);
  leave(control, 'guest-reset', 0);
}

/** What a command of a test does to the guest; true when it was one. */
function deed(control, command) {
  const deeds = {
    'fake-panic': () => panic(control),
    'fake-stuck-panic': () => say(PANIC.join('')),
    'fake-reboot': () => leave(control, 'guest-reset', 0),
    'fake-poweroff': () => leave(control, 'guest-shutdown', 0),
    'fake-abort': () => {
      process.stderr.write('qemu: assertion failed\n');
      leave(control, undefined, 5);
    },
    'fake-freeze': () => process.kill(process.pid, 'SIGSTOP'),
    'fake-flood': () => {
      for (let i = 0; i < 100; i++) say(`${'x'.repeat((1 << 20) - 2)}\xff\n`);
      panic(control);
    },
  };
  deeds[command]?.();
  return command in deeds;
}

if (kernelWay === 'refuse') {
  process.stderr.write('qemu-system-x86_64: no such thing as that\n');
  process.exit(1);
}
const seed = readFileSync(field('file').find((file) => file?.endsWith('seed.tar')));
const ssh = await serveSsh(seed, (command) => deed(control, command), kernelWay === 'mute');
const qtestPath = after('-qtest').replace('unix:', '');
const control = await serveControl(field('path').find(Boolean), qtestPath, ssh.port, args);
say('[    0.0] Linux version fake\r\n');
if (kernelWay === 'panic') panic(control);
else if (kernelWay === 'reboot') leave(control, 'guest-reset', 0);
else if (kernelWay !== 'hang') {
  say('ringlab: guest ');
  say('is up\r\n');
}
