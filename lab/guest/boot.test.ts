/** Boots against a fake QEMU: a real process on real sockets (fakes/). */

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { LabError, VerdictError } from '../core/errors.ts';
import { run, start } from '../core/process.ts';
import { hostArch } from '../model/arch.ts';
import type { Emit, EventBody } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import { bootGuest, profiles, type Timeouts } from './index.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

const { system } = hostArch().qemu;
const bin = t.testdir();
symlinkSync(join(import.meta.dirname, 'fakes/qemu.mjs'), join(bin, system));
process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
const SHORT: Timeouts = { ...DEFAULT_TIMEOUTS, heartbeat: { intervalMs: 500, misses: 6 }, shutdownMs: 500 };

/** A deadline that has passed when the console has a text. */
const passedAfter =
  (console: string, text: string): NonNullable<Timeouts['deadline']> =>
  () => {
    const passed = new AbortController();
    const look = setInterval(() => {
      if (!existsSync(console) || !readFileSync(console, 'latin1').includes(text)) return;
      clearInterval(look);
      passed.abort();
    }, 20);
    return passed.signal;
  };

interface BootOptions {
  /** How the boot goes: `fake=WORD` of fakes/qemu.mjs. */
  fake?: string;
  profile?: string;
  signal?: AbortSignal;
  consoleBytes?: number;
  dir?: string;
  timeouts?: Timeouts | undefined;
  emit?: Emit;
}

async function boot(t: Test, options: BootOptions = {}): Promise<Guest> {
  const {
    fake = 'up',
    profile: name = 'plain',
    emit = () => {},
    consoleBytes,
    dir = t.testdir({}),
  } = options;
  const profile = profiles[name];
  if (!profile) throw new Error(`no profile ${name}`);
  const guest = await bootGuest(
    {
      ...{ name: 'fake', profile, accel: 'tcg', dir, bootTimeoutMs: 200_000, consoleBytes },
      kernel: { vmlinux: '/vmlinux' },
      image: { recipe: 'r', key: 'k', path: '/root.erofs' },
      kernelArgs: [`fake=${fake}`],
    },
    { signal: options.signal ?? new AbortController().signal, emit },
    options.timeouts,
  );
  t.teardown(() => guest[Symbol.asyncDispose]());
  return guest;
}

const output = async (guest: Guest, command: string, stdin?: string | Readable) => {
  let text = '';
  const onStdout = (chunk: Buffer) => {
    text += chunk;
  };
  const result = await guest.exec(command, { onStdout, ...(stdin === undefined ? {} : { stdin }) });
  return { text, ...result };
};

const isAlive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** Folder of a guest's sockets, by its QEMU command line. */
const socketDir = (commandLine: string) => join(/path=([^,]*)/.exec(commandLine)?.[1] ?? '', '..');

t.test(
  'a guest that is ready runs commands, and leaves no process, socket or drive when disposed',
  async (t) => {
    const events: EventBody[] = [];
    const guest = await boot(t, { emit: (event) => events.push(event) });
    t.match(events, [
      { type: 'guest.start', guest: 'fake', commandLine: guest.commandLine },
      { type: 'guest.ready', guest: 'fake', ms: Math.round(guest.bootMs) },
    ]);
    t.equal(events.length, 2, 'number of events');
    t.match(guest, { accel: 'tcg', qemuVersion: '7.2.99', facts: { vcpus: 2, iommu: 'none', kvm: false } });
    t.equal(guest.commandLine[0], system);
    t.equal(guest.consoleText(), '[    0.0] Linux version fake\r\nringlab: guest is up\r\n');
    t.equal(guest.consoleText(12), 'nux version fake\r\nringlab: guest is up\r\n', 'console from byte 12');
    t.same(await output(guest, 'echo out; exit 3'), { text: 'out\n', code: 3 });
    t.same(await output(guest, 'cat', 'stdin'), { text: 'stdin', code: 0 });
    const stream = Readable.from(['from ', 'a stream']);
    t.same(
      await output(guest, 'cat', stream),
      { text: 'from a stream', code: 0 },
      'a command that reads a stream',
    );
    const endless = new PassThrough();
    endless.write('first line\nsecond line\n');
    t.same(
      await output(guest, 'head -n 1', endless),
      { text: 'first line\n', code: 0 },
      'input that does not end',
    );
    t.ok(endless.destroyed, 'an endless input is destroyed with the end of the command');
    t.match(await output(guest, 'kill -9 $$'), { code: null, signal: 'KILL' });
    const short = await Promise.all(Array.from({ length: 20 }, () => guest.exec('true')));
    t.ok(
      short.every(({ code }) => code === 0),
      'exit code of each short command',
    );

    const abort = new AbortController();
    const sleeping = guest.exec('echo; sleep 1000', { signal: abort.signal, onStdout: () => abort.abort() });
    await t.rejects(sleeping, { name: 'AbortError' });

    const dir = join(guest.consoleFile, '..');
    const drive = statSync(join(dir, 'drive-data-data.raw'));
    t.ok(drive.size === 256 << 20 && drive.blocks * 512 < 1 << 20, 'drives are sparse');
    t.equal(statSync(guest.ssh.keyFile).mode & 0o777, 0o600);
    t.match(readFileSync(guest.ssh.hostKeyFile, 'utf8'), `[127.0.0.1]:${guest.ssh.port} ssh-ed25519 `);
    const sockets = socketDir(guest.commandLine.join(' '));
    t.ok(existsSync(sockets));
    await guest[Symbol.asyncDispose]();
    t.notOk(isAlive(guest.pid));
    t.notOk(existsSync(sockets));
    t.notOk(
      readdirSync(dir).some((name) => name.endsWith('.raw')),
      'drives are removed',
    );
    const death = await Promise.race([guest.death, delay(100, 'no death')]);
    t.equal(death, 'no death', 'a guest that was disposed has not died');
  },
);

t.test('the ssh program logs in with the key file and the host key file of a guest', async (t) => {
  const { ssh } = await boot(t);
  const options = [
    '-F',
    'none',
    '-o',
    `UserKnownHostsFile=${ssh.hostKeyFile}`,
    '-o',
    'StrictHostKeyChecking=yes',
  ];
  const args = [...options, '-i', ssh.keyFile, '-p', String(ssh.port), 'root@127.0.0.1', 'echo hello'];
  t.equal((await run('ssh', args)).stdout, 'hello\n');
});

const deaths = [
  {
    command: 'fake-panic',
    kind: 'panic',
    title: 'Kernel panic - not syncing: fake crash',
    tail: /very end$/,
  },
  { command: 'fake-reboot', kind: 'reboot', title: /rebooted without being asked/ },
  { command: 'fake-poweroff', kind: 'exit', title: /powered off/ },
  { command: 'fake-abort', kind: 'qemu', title: /ended with code 5: qemu: assertion failed/ },
  { command: 'fake-segfault', kind: 'qemu', title: /QEMU crashed: it was ended by SIGSEGV/ },
  { command: 'fake-terminated', kind: 'signal', title: /ended from outside by a signal/ },
  { command: 'fake-freeze', kind: 'silent', title: /stopped answering \(Keepalive timeout\)/ },
  { command: 'fake-stuck-panic', kind: 'panic', title: /fake crash/ },
];
for (const { command, kind, title, tail = /guest is up|very end/ } of deaths) {
  t.test(`after ${command} the death is of kind ${kind}`, async (t) => {
    const guest = await boot(t, { timeouts: command === 'fake-freeze' ? SHORT : undefined });
    const running = guest.exec(command);
    t.match(await guest.death, { kind, title, tail });
    t.notOk(isAlive(guest.pid), 'QEMU has ended');
    t.match(await running, { code: null }, 'exit code of the command that was cut off');
    t.same(await guest.exec('true'), { code: null }, 'exit code of a command after the death');
    await t.rejects(guest.qmp('query-status'), /QEMU has ended/);
  });
}

t.test('the kernel prints its tasks at a command over the serial line', async (t) => {
  const guest = await boot(t);
  t.equal(
    await guest.showTasks(),
    [
      ...['[    2.0] sysrq: Show Blocked State', 'task:fake state:D by w'],
      ...['[    2.0] sysrq: Show backtrace of all active CPUs', 'task:fake state:D by l'],
    ].join('\n'),
  );
  void guest.exec('fake-freeze');
  while (!/\) T /.test(readFileSync(`/proc/${guest.pid}/stat`, 'utf8'))) await delay(20);
  t.match(await guest.showTasks(), /SysRq could not be sent: .*no answer|did not react/);
});

t.test('the death of a killed QEMU names its signal', async (t) => {
  const guest = await boot(t);
  process.kill(guest.pid, 'SIGKILL');
  t.match(await guest.death, { kind: 'signal', title: /SIGKILL/ });
});

t.test('100 MB of console are kept whole and take less than 800 MB of memory', async (t) => {
  const guest = await boot(t);
  void guest.exec('fake-flood');
  const death = await guest.death;
  t.match(death, { kind: 'panic', tail: /very end$/ });
  t.ok(death.tail.length < 20_000, 'length of the tail');
  t.ok(statSync(guest.consoleFile).size > 100 << 20, 'size of the console file');
  t.match(guest.consoleText(statSync(guest.consoleFile).size - 1000), /fake crash[\s\S]*very end/);
  t.ok(process.memoryUsage().rss < 800 << 20, 'resident memory');
});

t.test('a guest that prints without end is ended; first and last of its console are kept', async (t) => {
  const guest = await boot(t, { consoleBytes: 32 << 20 });
  const before = process.memoryUsage().rss;
  void guest.exec('fake-endless');
  const death = await guest.death;
  t.match(death, { kind: 'flood', title: /printed more than 32 MiB/, tail: /noise noise/ });
  t.ok(statSync(guest.consoleFile).size < 33 << 20, 'size of the console file');
  t.match(
    readFileSync(guest.consoleFile).subarray(-20_000).toString('latin1'),
    /\d+ bytes of console left out here; its end follows/,
  );
  t.ok(process.memoryUsage().rss - before < 400 << 20, 'growth of resident memory');
});

t.test(
  'a console that does not fit on the disk is reported before and after the end of its guest',
  async (t) => {
    const dir = t.testdir({});
    symlinkSync('/dev/full', join(dir, 'console.log'));
    const guest = await boot(t, { dir });
    const unwritten = { code: 'ENOSPC', path: join(dir, 'console.log') };
    t.throws(() => guest.checkConsole(), unwritten);
    t.throws(() => guest.consoleText(), unwritten);
    await guest[Symbol.asyncDispose]();
    t.throws(() => guest.checkConsole(), unwritten);
  },
);

t.test('a console whose reader was killed is reported as incomplete, a whole console is not', async (t) => {
  const whole = await boot(t);
  await whole[Symbol.asyncDispose]();
  t.doesNotThrow(() => whole.checkConsole());
  const guest = await boot(t);
  const { stdout } = await run('pgrep', ['-x', '-P', String(process.pid), 'cat']);
  process.kill(Number(stdout), 'SIGKILL');
  await guest[Symbol.asyncDispose]();
  t.throws(() => guest.checkConsole(), {
    name: 'LabError',
    message: /console of fake is incomplete.*SIGKILL/,
  });
});

const failures: {
  fake: string;
  type: typeof LabError | typeof VerdictError;
  message: RegExp;
  detail?: RegExp;
  /** Text on the console after which the boot's deadline has passed. */
  lateAfter?: string;
}[] = [
  { fake: 'killed', type: LabError, message: /ended from outside by SIGKILL/ },
  { fake: 'endless', type: VerdictError, message: /printed more than 256 MiB/, detail: /noise/ },
  {
    fake: 'panic',
    type: VerdictError,
    message: /fake: Kernel panic - not syncing: fake crash/,
    detail: /Call Trace/,
  },
  { fake: 'reboot', type: VerdictError, message: /rebooted/, detail: /Linux version/ },
  {
    ...{ fake: 'hang', type: VerdictError, message: /not ready within 200 s/ },
    ...{ detail: /Linux version/, lateAfter: 'Linux version' },
  },
  {
    ...{ fake: 'mute', type: VerdictError, message: /not ready within 200 s/ },
    ...{ detail: /guest is up/, lateAfter: 'guest is up' },
  },
  { fake: 'refuse', type: LabError, message: /ended with code 1: .*no such thing/ },
];
for (const { fake, type, message, detail, lateAfter } of failures) {
  t.test(`a boot with fake=${fake} throws ${type.name}`, async (t) => {
    const dir = t.testdir({});
    const deadline = passedAfter(join(dir, 'console.log'), lateAfter ?? '');
    const timeouts = lateAfter === undefined ? undefined : { ...DEFAULT_TIMEOUTS, deadline };
    const error = await boot(t, { fake, dir, timeouts }).catch((e) => e);
    t.type(error, type);
    t.match(error.message, message);
    if (detail) t.match(error.detail, detail);
  });
}

t.test('only a guest whose clock runs ahead may close connections before a login', async (t) => {
  const guest = await boot(t, { fake: 'closing', profile: 'icount' });
  t.same(await guest.exec('exit 3'), { code: 3 });
  const error = await boot(t, { fake: 'closing' }).catch((e) => e);
  t.type(error, VerdictError);
  t.match(error.message, /SSH failed: .*the connection was closed/);
});

t.test(
  'a reboot is the fault of the kernel however late the lab gets to read what QEMU reported',
  async (t) => {
    // Holds up the event loop most of the time, as a busy machine does: timers and sockets are then due in the same turn.
    const busy = setInterval(() => {
      const until = performance.now() + 300;
      while (performance.now() < until);
    }, 1);
    t.teardown(() => clearInterval(busy));
    for (let round = 0; round < 3; round++) {
      const error = await boot(t, { fake: 'reboot' }).catch((e) => e);
      t.type(error, VerdictError);
      t.match(error.message, /rebooted/);
    }
  },
);

t.test('an abort during boot ends QEMU and rejects with the abort reason', async (t) => {
  const abort = new AbortController();
  let pid = 0;
  const booting = boot(t, { fake: 'hang', signal: abort.signal });
  const console = join(t.testdirName, 'console.log');
  while (!existsSync(console) || statSync(console).size === 0) await delay(20);
  pid = Number((await run('pgrep', ['-f', `${t.testdirName}/seed.tar`])).stdout.split('\n')[0]);
  t.ok(isAlive(pid));
  abort.abort(new Error('enough'));
  await t.rejects(booting, /enough/);
  t.notOk(isAlive(pid));
});

t.test('an abort after boot ends the guest, which is no death', async (t) => {
  const abort = new AbortController();
  const guest = await boot(t, { signal: abort.signal });
  const running = guest.exec('sleep 1000');
  abort.abort();
  t.same(await running, { code: null });
  t.equal(await Promise.race([guest.death, delay(300, 'no death')]), 'no death');
});

t.test('QEMU ends with a lab that is killed, and the next lab removes its scratch folder', async (t) => {
  const code = `
    import { bootGuest, profiles } from '${import.meta.dirname}/index.ts';
    const guest = await bootGuest({ name: 'x', profile: profiles.plain, accel: 'tcg', dir: '${t.testdir({})}', bootTimeoutMs: 30000,
      kernel: { vmlinux: '' }, image: { recipe: '', key: '', path: '' } },
      { signal: new AbortController().signal, emit() {} });
    console.log(JSON.stringify({ pid: guest.pid, qmp: guest.commandLine.find((word) => /id=qmp/.test(word)) }));`;
  await using lab = start(process.execPath, ['--import=tsx', '--input-type=module', '-e', code]);
  const [line] = await new Promise<string[]>((resolve) => {
    createInterface({ input: lab.stdout }).once('line', (text) => resolve([text]));
  });
  const { pid, qmp } = JSON.parse(line ?? '');
  const sockets = socketDir(qmp);
  t.ok(isAlive(pid) && existsSync(sockets));
  process.kill(lab.pid, 'SIGKILL');
  await lab.ended;
  for (let tries = 0; isAlive(pid) && tries < 3000; tries++) await delay(20);
  t.notOk(isAlive(pid));
  await boot(t);
  t.notOk(existsSync(sockets));
});

t.test('a process in the guest that is gone before its reply holds up no other', async (t) => {
  const guest = await boot(t);
  await using host = await guest.serveHost();
  void guest.exec('fake-talk');
  while (statSync(guest.consoleFile).size < 5_000_000) await delay(20);
  const ask = '{"id": 1, "verb": "console", "args": {}}\n';
  // Gone in three ways: it has sent its last, has been killed, or was killed with a request that waits.
  const ways = [
    { lines: ask, leave: (socket: Socket) => socket.end().destroySoon() },
    { lines: ask, leave: (socket: Socket) => socket.resetAndDestroy() },
    { lines: ask + ask, leave: (socket: Socket) => socket.resetAndDestroy() },
  ];
  for (const { lines, leave } of ways) {
    const gone = connect(host.port, '127.0.0.1').pause();
    gone.on('error', () => {});
    gone.write(lines);
    await once(gone, 'readable');
    leave(gone);
  }
  const socket = connect(host.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(ask);
  const [line] = await once(createInterface({ input: socket }), 'line');
  t.match(JSON.parse(line), { id: 1, ok: true, text: /talk\s*$/ });
});

t.test('the host serves requests from the guest over the forwarded port', async (t) => {
  const guest = await boot(t, { profile: 'multipath' });
  await using host = await guest.serveHost();
  const socket = connect(host.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
  const send = async (text: string) => {
    socket.write(`${text}\n`);
    return JSON.parse((await replies.next()).value);
  };
  const ask = (verb: string, args: object = {}) => send(JSON.stringify({ id: 5, verb, args }));
  const serial = 'mp@00:10.0';
  t.same(await ask('ping'), { id: 5, ok: true });
  t.match(await send('{"id": 9, "verb": '), { id: 0, ok: false, error: /JSON/ });
  t.match(await send('{"id": 9, "verb": "sing", "args": {}}'), { id: 9, ok: false, error: /verb/ });
  t.match(await send('[]'), { id: 0, ok: false });
  t.match(await ask('unplug', { serial: 'other' }), { ok: false, error: /one of mp@00:10\.0, mp@00:11\.0/ });
  t.match(await ask('replug', { serial }), { ok: false, error: /plugged in already/ });
  t.same(await ask('unplug', { serial, abrupt: true }), { id: 5, ok: true });
  t.match(await ask('unplug', { serial, abrupt: true }), { ok: false, error: /not found/ });
  t.same(await ask('replug', { serial }), { id: 5, ok: true });
  t.same(await ask('mark'), { id: 5, ok: true });
  t.same(await ask('throttle', { drive: 'drive-mp-shared', iops: 50 }), { id: 5, ok: true });
  t.match(await ask('console'), { ok: true, text: 'throttle drive-mp-shared 50\n' });
  t.match(await ask('throttle', { drive: 'drive-mp-shared', iops: -1 }), { ok: false, error: /iops: -1/ });
  t.match(await ask('throttle', { drive: 'drive-x', iops: 1 }), { ok: false, error: /drive: drive-x/ });
});
