/** Real guests, from image to death. */
import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { VerdictError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { bootGuest, clockArguments, profiles, scratchFolder, type Timeouts } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import type { Guest, GuestRequest } from '../model/machine.ts';
import { HostReply } from '../model/protocol.ts';
import { testVmlinux } from './testing/kernel.ts';

const ctx = { signal: new AbortController().signal, emit: () => {} };
const vmlinux = await testVmlinux(ctx);
const SHORT: Timeouts = { heartbeat: { intervalMs: 500, misses: 4 }, shutdownMs: 1000 };

async function boot(t: Test, name: string, more: Partial<GuestRequest> = {}, timeouts?: Timeouts) {
  const profile = profiles[name];
  if (!profile) throw new Error(`no profile ${name}`);
  const scratch = await scratchFolder('guest');
  t.teardown(() => scratch[Symbol.asyncDispose]());
  const image = await ensureImage('minimal', ctx);
  const request = { name, profile, kernel: { vmlinux }, image, accel: 'tcg' as const };
  const guest = await bootGuest(
    { ...request, dir: scratch.dir, bootTimeoutMs: 180_000, ...more },
    ctx,
    timeouts,
  );
  t.teardown(() => guest[Symbol.asyncDispose]());
  return guest;
}

async function shell(guest: Guest, command: string): Promise<string> {
  let text = '';
  const onStdout = (chunk: Buffer) => {
    text += chunk;
  };
  const { code } = await guest.exec(command, { onStdout });
  return code === 0 ? text.trim() : `${text}(code ${code})`;
}

/** Asks the host from inside the guest, as the agent does. */
async function ask(guest: Guest, port: number, verb: string, args: object = {}): Promise<HostReply> {
  const request = JSON.stringify({ id: 7, verb, args });
  return HostReply.parse(JSON.parse(await shell(guest, `echo '${request}' | nc 127.0.0.1 ${port}`)));
}

/** Seconds, by the guest's clock, that direct reads of the first drive take. */
const readTime = (count: number) =>
  `a=$(cut -d' ' -f1 /proc/uptime); dd if=/dev/nvme0n1 of=/dev/null bs=4k count=${count} iflag=direct 2>/dev/null;` +
  `b=$(cut -d' ' -f1 /proc/uptime); echo "$b - $a" | bc`;

t.test('an emulated guest takes the rate of its clock from the lab', async (t) => {
  const clockArgs = await clockArguments(ctx, 'tcg');
  const guest = await boot(t, 'plain', { clockArgs });
  const khz = Number(clockArgs[0]?.split('=')[1]);
  t.match(guest.consoleText(), `tsc: Detected ${(khz / 1000).toFixed(3)} MHz`);
  t.notMatch(guest.consoleText(), /calibration deviates/);
  const host = () => (performance.now() - guest.startedAt) / 1000;
  const [before, uptime, after] = [
    host(),
    Number((await shell(guest, 'cat /proc/uptime')).split(' ')[0]),
    host(),
  ];
  t.ok(uptime < after, `uptime ${uptime} s, of QEMU ${after} s`);
  // The refined rate (arch/x86/kernel/tsc.c), against the PM timer over a second, is accepted only near the given one.
  t.ok(before - uptime < 20, `uptime ${uptime} s, of QEMU before ${before} s`);
});

t.test('a plain guest runs, takes files, asks for help and panics', async (t) => {
  const guest = await boot(t, 'plain');
  t.match(guest.consoleText().split('\n')[0], /Linux version/, 'the console is there from its first line');
  t.equal(await shell(guest, 'cat /sys/class/nvme/*/serial'), guest.devices[0]?.controllerIds[0]);
  t.same(await guest.exec('exit 3'), { code: 3 });
  t.match(await guest.exec('kill -9 $$'), { code: null, signal: 'KILL' });
  await guest.push([
    { from: Buffer.from('#!/bin/sh\necho $(cat) is here\n'), to: '/root/x/y/run.sh', mode: 0o755 },
    { from: import.meta.filename, to: '/root/x/file' },
  ]);
  let said = '';
  const take = (chunk: Buffer) => {
    said += chunk;
  };
  await guest.exec('/root/x/y/run.sh', { stdin: 'text', onStdout: take });
  t.equal(said, 'text is here\n');
  const { stdout } = await run('sha256sum', [import.meta.filename]);
  t.equal((await shell(guest, 'sha256sum /root/x/file')).split(' ')[0], stdout.split(' ')[0]);
  t.match(await shell(guest, 'nc -w 2 10.0.2.2 22 </dev/null'), /code [1-9]/, 'no way out');
  t.match(await shell(guest, 'ip route'), /^10\.0\.2\.0\/24 \S+ eth0/);

  const { port, keyFile, hostKeyFile } = guest.ssh;
  const known = ['-o', `UserKnownHostsFile=${hostKeyFile}`, '-o', 'StrictHostKeyChecking=yes'];
  const ssh = ['-F', 'none', '-i', keyFile, '-p', String(port), ...known, 'root@127.0.0.1', 'echo by ssh'];
  t.equal((await run('ssh', ssh)).stdout, 'by ssh\n', "the system's client verifies the host key");

  await using help = await guest.serveHost();
  t.same(await ask(guest, help.port, 'ping'), { id: 7, ok: true });
  t.match(await ask(guest, help.port, 'nonsense'), { id: 7, ok: false, error: /verb/ });
  t.match(await ask(guest, help.port, 'unplug', { serial: 'data' }), {
    ok: false,
    error: /not hot-pluggable/,
  });
  const { drive } = guest.devices[0] ?? {};
  t.ok((await ask(guest, help.port, 'throttle', { drive, iops: 20 })).ok);
  t.ok(Number(await shell(guest, readTime(40))) > 1, '40 reads at 20 a second');
  t.ok((await ask(guest, help.port, 'throttle', { drive, iops: 0 })).ok);
  t.ok(Number(await shell(guest, readTime(40))) < 1);
  t.ok((await ask(guest, help.port, 'mark')).ok);
  await shell(guest, 'echo after the mark >/dev/kmsg');
  const { text = '' } = await ask(guest, help.port, 'console');
  t.match(text, /after the mark/);
  t.notMatch(text, /Linux version/);

  void guest.exec('echo c >/proc/sysrq-trigger');
  const death = await guest.death;
  t.match(death, { kind: 'panic', title: /Kernel panic - not syncing: sysrq triggered crash/ });
  t.match(death.tail, /Kernel panic[\s\S]*<\/TASK>/, 'the tail goes to the very end');
  t.notOk(existsSync(`/proc/${guest.pid}`));
});

t.test(
  'the node that waits takes the first script, and a script that is gone is not waited for',
  async (t) => {
    const NODE = '/usr/lib/ringlab/node';
    const script = `console.log(process.ppid, process.cwd(), process.env.COLOUR, process.argv.slice(2).join());
    console.error('to the second channel'); process.exit(7);`;
    const guest = await boot(t, 'plain');
    await guest.push([{ from: Buffer.from(script), to: '/root/x y/script.cjs' }]);
    const go = () => shell(guest, `cd '/root/x y' && COLOUR=red ${NODE} script.cjs 'a b' c 2>&1`);
    t.equal(
      await go(),
      '1 /root/x y red a b,c\nto the second channel\n(code 7)',
      "init's own, as if it were started here",
    );
    t.match(await go(), /^(?!1 )\d+ \/root\/x y red a b,c\nto the second channel\n\(code 7\)$/, 'a new one');

    const other = await boot(t, 'plain');
    await shell(other, 'until kill -9 $(pidof node); do usleep 1000; done');
    await other.push([{ from: Buffer.from(script), to: '/root/script.cjs' }]);
    t.equal(
      await shell(other, `cd /root && ${NODE} script.cjs`),
      '(code 137)',
      'its end is told to who asks',
    );
    t.match(await shell(other, `cd /root && ${NODE} script.cjs`), /\(code 7\)$/);
  },
);

t.test('a controller is pulled, put back and removed in order', async (t) => {
  const guest = await boot(t, 'multipath');
  await using help = await guest.serveHost();
  const [first = '', second = ''] = guest.devices[0]?.controllerIds ?? [];
  const paths = () => shell(guest, 'for c in /sys/class/nvme/nvme*; do readlink -f $c/device; done');
  /** Waits in the guest until it has so many controllers, all of them live. */
  const live = (count: number) => {
    const states = 'cat /sys/class/nvme/*/state 2>/dev/null | sort | uniq -c | xargs';
    return shell(guest, `until [ "$(${states})" = '${count} live' ]; do usleep 20000; done`);
  };
  await live(2);
  // Which of them is nvme0 is a matter of which came up first.
  t.match(await paths(), /00:10\.0/);
  t.match(await paths(), /00:11\.0/);
  t.equal(await shell(guest, 'ls /dev/ng*n1 | wc -l'), '1', 'one head for both paths');

  const abrupt = { serial: first, abrupt: true };
  const began = performance.now();
  t.same(await ask(guest, help.port, 'unplug', abrupt), { id: 7, ok: true });
  t.comment(`abrupt unplug with its request: ${Math.round(performance.now() - began)} ms`);
  await live(1);
  t.notMatch(await paths(), /00:10\.0/);
  t.match(await shell(guest, 'dmesg'), /pciehp: Slot\(1\): Card not present/);
  t.equal(
    await shell(guest, 'dd if=$(echo /dev/nvme*n1) of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null'),
    '',
  );
  t.match(await ask(guest, help.port, 'unplug', abrupt), { ok: false }, 'it is gone already');
  t.ok((await ask(guest, help.port, 'replug', { serial: first })).ok);
  await live(2);
  t.match(await paths(), /00:10\.0/);
  t.match(await ask(guest, help.port, 'replug', { serial: first }), {
    ok: false,
    error: /plugged in already/,
  });

  const orderly = performance.now();
  t.ok((await ask(guest, help.port, 'unplug', { serial: second })).ok);
  t.comment(`orderly unplug: ${Math.round(performance.now() - orderly)} ms`);
  await live(1);
  t.notMatch(await paths(), /00:11\.0/);
  t.match(await shell(guest, 'dmesg'), /Slot\(2\): Button press: will power off/);
});

t.test('every way to go is told apart', async (t) => {
  const rebooting = await boot(t, 'plain');
  void rebooting.exec('reboot -f');
  t.match(await rebooting.death, { kind: 'reboot' });

  const silent = await boot(t, 'plain', {}, SHORT);
  process.kill(silent.pid, 'SIGSTOP');
  t.match(await silent.death, { kind: 'silent', title: /stopped answering/ });
  t.notOk(existsSync(`/proc/${silent.pid}`), 'a silent QEMU is ended');

  const killed = await boot(t, 'plain');
  process.kill(killed.pid, 'SIGKILL');
  t.match(await killed.death, { kind: 'signal', title: /SIGKILL/ });
});

t.test('a kernel that does not come up is a verdict, with the evidence', async (t) => {
  const noInit = boot(t, 'plain', { kernelArgs: ['init=/no/such/init'] });
  const panic = await noInit.catch((error) => error);
  t.match(panic, { verdict: 'boot-failed', message: /Kernel panic - not syncing: Requested init/ });
  t.match(panic.detail, /Requested init \/no\/such\/init failed/);
  const late = await boot(t, 'plain', { bootTimeoutMs: 200 }).catch((error) => error);
  t.type(late, VerdictError);
  t.match(late, { verdict: 'boot-failed', message: /not ready within 0\.2 s/ });
  const bad = await boot(t, 'plain', { qemuArgs: ['-device', 'no-such-device'] }).catch((error) => error);
  t.match(bad, { exitCode: 3, message: /no-such-device/ });
});
