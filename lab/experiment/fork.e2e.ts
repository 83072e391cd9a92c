/** Real guests that are forked: the same devices as after a boot, each with its own clock, keys and random numbers. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { clockArguments, profiles, scratchFolder, startGuest, Templates } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import type { Guest } from '../model/machine.ts';
import type { Note } from '../model/note.ts';
import { testVmlinux } from './testing/kernel.ts';

const notes: Note[] = [];
const ctx = {
  signal: new AbortController().signal,
  emit: (event: { type: string; note?: Note }) => {
    if (event.note) notes.push(event.note);
  },
};
const vmlinux = await testVmlinux(ctx);
const clockArgs = await clockArguments(ctx, 'tcg');
const templates = new Templates({ jobs: 1, limitMiB: 4096 }, ctx);
t.teardown(() => templates[Symbol.asyncDispose]());

async function requestOf(name: string, dir: string) {
  const profile = profiles[name];
  if (!profile) throw new Error(`no profile ${name}`);
  const image = await ensureImage('minimal', ctx);
  const machine = { name, profile, image, accel: 'tcg' as const, clockArgs, bootTimeoutMs: 180_000 };
  return { ...machine, kernel: { vmlinux }, dir };
}

async function start(t: Test, name: string, how: 'boot' | 'fork'): Promise<Guest> {
  const scratch = await scratchFolder('guest');
  t.teardown(() => scratch[Symbol.asyncDispose]());
  const guest = await startGuest(
    await requestOf(name, scratch.dir),
    how === 'fork' ? templates : { reason: 'compared' },
    ctx,
  );
  t.teardown(() => guest[Symbol.asyncDispose]());
  return guest;
}

/** A fork, for which its template is made first if need be. */
async function fork(t: Test, name: string): Promise<Guest> {
  await templates.expect(await requestOf(name, ''), 2);
  const first = await start(t, name, 'fork');
  if (first.start.how === 'fork') return first;
  await first[Symbol.asyncDispose]();
  await templates.settled();
  return start(t, name, 'fork');
}

async function shell(guest: Guest, command: string): Promise<string> {
  let text = '';
  await guest.exec(command, {
    onStdout: (chunk) => {
      text += chunk;
    },
  });
  return text.trim();
}

/** Controllers and disks with what identifies them, and what the kernel says of its DMA. */
const HARDWARE = `
  cat /proc/cmdline
  for c in /sys/class/nvme/*; do echo $(cat $c/serial $c/state $c/cntlid $c/queue_count); done | sort
  for d in /sys/block/nvme*; do
    echo $(cat $d/nsid $d/size $d/queue/logical_block_size $d/queue/max_sectors_kb $d/queue/zoned $d/integrity/format 2>/dev/null)
  done | sort
  ls /dev/ng* /dev/nvme* | grep -c .
  ls /sys/kernel/iommu_groups 2>/dev/null | grep -c . | sed 's/[1-9].*/groups/'
  cat /sys/class/nvme/nvme0/device/iommu_group/type 2>/dev/null; nproc; hostname; ip -o -4 address`;

for (const name of Object.keys(profiles)) {
  t.test(`${name}: a fork has the hardware of a boot`, async (t) => {
    const forked = await fork(t, name);
    t.same(forked.start, { how: 'fork' });
    const booted = await start(t, name, 'boot');
    t.equal(await shell(forked, HARDWARE), await shell(booted, HARDWARE));
    t.same(forked.devices, booted.devices);
    t.same(forked.facts, booted.facts);
    t.match(forked.consoleText().split('\n')[0], /Linux version/, 'the console has the boot of the template');
    t.notMatch(forked.consoleText(), /WARNING:|BUG:|Call Trace|rcu:.*stall/);
    t.comment(`ready after ${Math.round(forked.bootMs)} ms forked, ${Math.round(booted.bootMs)} ms booted`);
  });
}

t.test('forks share neither clock, keys nor random numbers', async (t) => {
  await fork(t, 'plain');
  const guests = [await fork(t, 'plain'), await fork(t, 'plain'), await fork(t, 'plain')];
  for (const guest of guests) {
    const [before, guestMs, after] = [Date.now(), Number(await shell(guest, 'date +%s')) * 1000, Date.now()];
    t.ok(guestMs > before - 2000 && guestMs < after + 2000, 'the time of the host');
  }
  const unique = async (what: string, of: (guest: Guest) => string | Promise<string>) =>
    t.equal(new Set(await Promise.all(guests.map(of))).size, guests.length, what);
  await unique('random numbers', (guest) => shell(guest, 'head -c 16 /dev/urandom | xxd -p'));
  await unique('boot id', (guest) => shell(guest, 'cat /proc/sys/kernel/random/boot_id'));
  await unique('key of sshd', (guest) => readFileSync(guest.ssh.hostKeyFile, 'utf8').split(' ')[2] ?? '');
  await unique('key of the lab', (guest) => readFileSync(guest.ssh.keyFile, 'utf8'));
  await shell(
    guests[0] as Guest,
    'echo first >/tmp/file; dd if=/dev/zero of=/dev/nvme0n1 count=1 2>/dev/null',
  );
  t.equal(await shell(guests[1] as Guest, 'cat /tmp/file'), '', 'what one writes the others do not see');
});

t.test('a fork panics, and the tail of its console says so', async (t) => {
  const guest = await fork(t, 'plain');
  void guest.exec('echo c >/proc/sysrq-trigger');
  t.match(await guest.death, { kind: 'panic', title: /sysrq triggered crash/, tail: /<\/TASK>/ });
});

t.test('twenty forks in a row come up', async (t) => {
  const times: number[] = [];
  for (let count = 0; count < 20; count++) {
    const guest = await fork(t, count % 2 === 0 ? 'plain' : 'multipath');
    t.equal(guest.start.how, 'fork');
    times.push(guest.bootMs);
    await guest[Symbol.asyncDispose]();
  }
  const median = times.sort((a, b) => a - b)[times.length / 2] ?? 0;
  t.comment(`ready after ${Math.round(median)} ms (median)`);
  t.same(notes, [], 'none had to be booted');
});
