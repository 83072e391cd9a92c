/** Boots against a fake QEMU: a real process on real sockets (fakes/). */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { LabError, VerdictError } from '../core/errors.ts';
import { run, start } from '../core/process.ts';
import type { LabEvent } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import { bootGuest, type Patience, profiles } from './index.ts';

const fakes = join(import.meta.dirname, 'fakes');
process.env.PATH = `${fakes}${delimiter}${process.env.PATH}`;
const IMPATIENT: Patience = { heartbeat: { intervalMs: 200, misses: 3 }, partingMs: 500 };

interface Way {
  fake?: string;
  profile?: string;
  signal?: AbortSignal;
  bootTimeoutMs?: number;
  patience?: Patience;
  emit?: (event: LabEvent) => void;
}

async function boot(t: Test, way: Way = {}): Promise<Guest> {
  const { fake = 'up', profile = 'plain', emit = () => {}, bootTimeoutMs = 30_000 } = way;
  const found = profiles[profile];
  if (!found) throw new Error(`no profile ${profile}`);
  const guest = await bootGuest(
    {
      ...{ name: 'fake', profile: found, accel: 'tcg', dir: t.testdir({}), bootTimeoutMs },
      kernel: { vmlinux: '/vmlinux', bzImage: '/bzImage' },
      image: { recipe: 'r', key: 'k', path: '/root.erofs' },
      kernelArgs: [`fake=${fake}`],
    },
    { signal: way.signal ?? new AbortController().signal, emit },
    way.patience,
  );
  t.teardown(() => guest[Symbol.asyncDispose]());
  return guest;
}

const output = async (guest: Guest, command: string, stdin?: string) => {
  let text = '';
  const onStdout = (chunk: Buffer) => {
    text += chunk;
  };
  const result = await guest.exec(command, { onStdout, ...(stdin === undefined ? {} : { stdin }) });
  return { text, ...result };
};

const alive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

t.test('a guest that says hello runs commands and leaves nothing behind', async (t) => {
  const events: string[] = [];
  const guest = await boot(t, { emit: ({ kind }) => events.push(kind) });
  t.same(events, ['start', 'end']);
  t.match(guest, { accel: 'tcg', qemuVersion: '7.2.99', facts: { vcpus: 2, iommu: 'none', kvm: false } });
  t.equal(guest.commandLine[0], 'qemu-system-x86_64');
  t.equal(guest.consoleText(), '[    0.0] Linux version fake\r\nringlab: guest is up\r\n');
  t.equal(guest.consoleText(12), 'nux version fake\r\nringlab: guest is up\r\n', 'from a byte on');
  t.same(await output(guest, 'echo out; exit 3'), { text: 'out\n', code: 3 });
  t.same(await output(guest, 'cat', 'given'), { text: 'given', code: 0 });
  t.match(await output(guest, 'kill -9 $$'), { code: null, signal: 'KILL' });
  const short = await Promise.all(Array.from({ length: 20 }, () => guest.exec('true')));
  t.ok(
    short.every(({ code }) => code === 0),
    'no exit status of a short command is missed',
  );

  const abort = new AbortController();
  const sleeping = guest.exec('echo; sleep 1000', { signal: abort.signal, onStdout: () => abort.abort() });
  await t.rejects(sleeping, { name: 'AbortError' });

  const dir = join(guest.consoleFile, '..');
  const drive = statSync(join(dir, 'drive-data-data.raw'));
  t.ok(drive.size === 256 << 20 && drive.blocks * 512 < 1 << 20, 'drives are sparse');
  t.equal(statSync(guest.ssh.keyFile).mode & 0o777, 0o600);
  t.match(readFileSync(guest.ssh.hostKeyFile, 'utf8'), `[127.0.0.1]:${guest.ssh.port} ssh-ed25519 `);
  const sockets = join(/path=([^,]*)/.exec(guest.commandLine.join(' '))?.[1] ?? '', '..');
  t.ok(existsSync(sockets));
  await guest[Symbol.asyncDispose]();
  t.notOk(alive(guest.pid));
  t.notOk(existsSync(sockets));
  t.notOk(
    readdirSync(dir).some((name) => name.endsWith('.raw')),
    'drives are gone',
  );
  t.equal(await Promise.race([guest.death, wait(100, 'no death')]), 'no death', 'an asked-for end is none');
});

t.test('the system client takes key and host key files', async (t) => {
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
  { deed: 'fake-panic', kind: 'panic', title: 'Kernel panic - not syncing: fake crash', tail: /very end$/ },
  { deed: 'fake-reboot', kind: 'reboot', title: /rebooted without being asked/ },
  { deed: 'fake-poweroff', kind: 'exit', title: /powered off/ },
  { deed: 'fake-abort', kind: 'exit', title: /code 5: qemu: assertion failed/ },
  { deed: 'fake-freeze', kind: 'silent', title: /stopped answering \(Keepalive timeout\)/ },
  { deed: 'fake-stuck-panic', kind: 'panic', title: /fake crash/ },
];
for (const { deed, kind, title, tail = /guest is up|very end/ } of deaths) {
  t.test(`after ${deed} the death is told as ${kind}`, async (t) => {
    const guest = await boot(t, { patience: deed === 'fake-freeze' ? IMPATIENT : undefined });
    const running = guest.exec(deed);
    t.match(await guest.death, { kind, title, tail });
    t.notOk(alive(guest.pid), 'QEMU is gone');
    t.match(await running, { code: null }, 'a command that was cut off has no exit code');
    t.same(await guest.exec('true'), { code: null }, 'nor has one that comes too late');
    await t.rejects(guest.qmp('query-status'), /QEMU has ended/);
  });
}

t.test('a killed QEMU is told by its signal', async (t) => {
  const guest = await boot(t);
  process.kill(guest.pid, 'SIGKILL');
  t.match(await guest.death, { kind: 'signal', title: /SIGKILL/ });
});

t.test('100 MB of console lose nothing and bring nothing down', async (t) => {
  const guest = await boot(t);
  void guest.exec('fake-flood');
  const death = await guest.death;
  t.match(death, { kind: 'panic', tail: /very end$/ });
  t.ok(death.tail.length < 20_000, 'the tail is a tail');
  t.ok(statSync(guest.consoleFile).size > 100 << 20);
  t.match(guest.consoleText(statSync(guest.consoleFile).size - 1000), /fake crash[\s\S]*very end/);
  t.ok(process.memoryUsage().rss < 800 << 20);
});

const failures = [
  {
    fake: 'panic',
    type: VerdictError,
    message: /fake: Kernel panic - not syncing: fake crash/,
    detail: /Call Trace/,
  },
  { fake: 'reboot', type: VerdictError, message: /rebooted/, detail: /Linux version/ },
  {
    fake: 'hang',
    type: VerdictError,
    message: /no hello within 2 s/,
    detail: /Linux version/,
    bootTimeoutMs: 2000,
  },
  {
    fake: 'mute',
    type: VerdictError,
    message: /no hello within 3 s/,
    detail: /guest is up/,
    bootTimeoutMs: 3000,
  },
  { fake: 'refuse', type: LabError, message: /ended with code 1: .*no such thing/, detail: undefined },
];
for (const { fake, type, message, detail, bootTimeoutMs } of failures) {
  t.test(`a boot that ends in ${fake} is a ${type.name}`, async (t) => {
    const began = performance.now();
    const error = await boot(t, { fake, ...(bootTimeoutMs ? { bootTimeoutMs } : {}) }).catch((e) => e);
    t.type(error, type);
    t.match(error.message, message);
    if (detail) t.match(error.detail, detail);
    t.ok(performance.now() - began < 20_000);
  });
}

t.test('an abort during boot ends QEMU and gives the reason', async (t) => {
  const abort = new AbortController();
  let pid = 0;
  const booting = boot(t, { fake: 'hang', signal: abort.signal });
  const console = join(t.testdirName, 'console.log');
  while (!existsSync(console) || statSync(console).size === 0) await wait(20);
  pid = Number((await run('pgrep', ['-f', `${t.testdirName}/seed.tar`])).stdout.split('\n')[0]);
  t.ok(alive(pid));
  abort.abort(new Error('enough'));
  await t.rejects(booting, /enough/);
  t.notOk(alive(pid));
});

t.test('an abort later ends the guest without a death', async (t) => {
  const abort = new AbortController();
  const guest = await boot(t, { signal: abort.signal });
  const running = guest.exec('sleep 1000');
  abort.abort();
  t.same(await running, { code: null });
  t.equal(await Promise.race([guest.death, wait(300, 'no death')]), 'no death');
});

t.test('no QEMU outlives a lab that is killed, and its folder is swept by the next', async (t) => {
  const code = `
    import { bootGuest, profiles } from '${import.meta.dirname}/index.ts';
    const guest = await bootGuest({ name: 'x', profile: profiles.plain, accel: 'tcg', dir: '${t.testdir({})}', bootTimeoutMs: 30000,
      kernel: { vmlinux: '', bzImage: '' }, image: { recipe: '', key: '', path: '' } },
      { signal: new AbortController().signal, emit() {} });
    console.log(JSON.stringify({ pid: guest.pid, qmp: guest.commandLine.find((word) => /id=qmp/.test(word)) }));`;
  await using lab = start(process.execPath, ['--import=tsx', '--input-type=module', '-e', code]);
  const [line] = await new Promise<string[]>((resolve) => {
    createInterface({ input: lab.stdout }).once('line', (text) => resolve([text]));
  });
  const { pid, qmp } = JSON.parse(line ?? '');
  const sockets = join(/path=([^,]*)/.exec(qmp)?.[1] ?? '', '..');
  t.ok(alive(pid) && existsSync(sockets));
  process.kill(lab.pid, 'SIGKILL');
  await lab.ended;
  for (let tries = 0; alive(pid) && tries < 100; tries++) await wait(20);
  t.notOk(alive(pid));
  await boot(t);
  t.notOk(existsSync(sockets));
});

t.test('a test in the guest asks for help over the forwarded port', async (t) => {
  const guest = await boot(t, { profile: 'multipath' });
  await using help = await guest.serveHost();
  const socket = connect(help.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
  const say = async (text: string) => {
    socket.write(`${text}\n`);
    return JSON.parse((await replies.next()).value);
  };
  const ask = (verb: string, args: object = {}) => say(JSON.stringify({ id: 5, verb, args }));
  const serial = 'mp@00:10.0';
  t.same(await ask('hello'), { id: 5, ok: true });
  t.match(await say('{"id": 9, "verb": '), { id: 0, ok: false, error: /JSON/ });
  t.match(await say('{"id": 9, "verb": "sing", "args": {}}'), { id: 9, ok: false, error: /verb/ });
  t.match(await say('[]'), { id: 0, ok: false });
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
