/** Shells in real guests: exit codes, packages, files in and out. */
import { chmodSync, existsSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ringlab, startRinglab } from './testing/ringlab.ts';

const shell = (...args: string[]) => ringlab(['shell', ...args]);

t.test('a command whose kernel panics ends with 1 and the panic', async (t) => {
  const { code, stdout, stderr } = await shell('--', 'echo before; echo c >/proc/sysrq-trigger; echo after');
  t.equal(code, 1, stderr.slice(-2000));
  // The panic may overtake what was printed before.
  t.match(stdout, /^(?:before\n)?$/);
  t.match(stderr, /the guest died: Kernel panic - not syncing: sysrq triggered crash/);
  t.match(stderr, /last lines of its console:[\s\S]*Call Trace/);
});

t.test('a guest that reboots ends the shell with 1, and a signal of the command with 128 + n', async (t) => {
  const rebooted = await shell('--', 'echo b >/proc/sysrq-trigger; sleep 60');
  t.equal(rebooted.code, 1, rebooted.stderr.slice(-2000));
  t.match(rebooted.stderr, /the guest rebooted/);
  t.equal((await shell('--', 'kill -9 $$')).code, 137);
});

/** What test programs of others expect of a system; prints what is missing. */
const EXPECTATIONS = `
check() { eval "$1" >/dev/null 2>&1 || echo "missing: $1"; }
for folder in /mnt /var/tmp /var/log /home /tmp /dev/shm /run /var/run /opt /usr/local/bin; do check "touch $folder/x"; done
for path in /dev/fd/0 /dev/stdin /dev/stdout /dev/stderr /dev/pts/ptmx /etc/mtab /proc/mounts; do check "[ -e $path ]"; done
check '[ "$(hostname)" = guest ]'
check '[ "$HOME" = /root ]'
check 'ping -c 1 127.0.0.1'
check 'getent hosts localhost'
check 'case $PATH in *:/usr/local/bin:*) ;; *) false ;; esac'
check '[ "$(stat -c %a /var/tmp)" = 1777 ]'
check '[ "$(id -un nobody)" = nobody ]'
check '[ "$(readlink -f /bin/sh)" = /usr/bin/busybox ]'
check '[ "$(readlink -f /usr/bin/awk)" = /usr/bin/gawk ]'
check '[ -x /usr/bin/bash ]'
check 'lsblk --version'
check 'diff <(echo a) <(echo a)'
[ $BASH_VERSION ] || echo 'missing: bash'
`;

t.test('packages and pushed files are there, and files go in and out while the shell runs', async (t) => {
  const dir = t.testdir({ tools: { 'check.sh': `#!/usr/bin/env bash\n${EXPECTATIONS}` }, done: '' });
  chmodSync(join(dir, 'tools/check.sh'), 0o755);
  symlinkSync('check.sh', join(dir, 'tools/link'));
  const command =
    'tools/link; mkdir out; echo text >out/file; ln -s file out/link; until [ -e done ]; do sleep 0.1; done; exit 9';
  const packages = ['--packages', 'bash,gawk', '--packages', 'util-linux,libc-bin'];
  await using running = startRinglab(['shell', ...packages, '--push', join(dir, 'tools'), '--', command], {});
  let [said, printed] = ['', ''];
  running.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  let isOver = false;
  void running.ended.then(() => {
    isOver = true;
  });
  const id = await new Promise<string>((resolve, reject) => {
    running.stderr.on('data', (chunk) => {
      said += chunk;
      const [, found] = /^guest (\w+): ssh -F/m.exec(said) ?? [];
      if (found) resolve(found);
    });
    void running.ended.then(() => reject(new Error(`the shell ended: ${said}`)));
  });
  t.match(said, /'?root@127\.0\.0\.1'?\n/, 'SSH command');

  const back = join(dir, 'back');
  // The shell may not have made them yet.
  for (let missing = true; missing && !isOver; )
    missing = (await ringlab(['cp', `${id}:out/link`, join(dir, 'seen')])).code !== 0;
  t.equal((await ringlab(['cp', `${id}:out`, back])).code, 0, 'exit code of a copy out');
  t.equal(readFileSync(join(back, 'file'), 'utf8'), 'text\n');
  t.equal(readlinkSync(join(back, 'link')), 'file');
  t.equal((await ringlab(['cp', `${id}:/proc/version`, join(dir, 'version')])).code, 0, 'a file of /proc');
  t.match(readFileSync(join(dir, 'version'), 'utf8'), /^Linux version/);
  const none = await ringlab(['cp', `${id}:/none`, dir]);
  t.equal(none.code, 2);
  t.match(none.stderr, /\/none: no such file in the guest/);
  writeFileSync(join(dir, 'done'), 'x');
  t.equal((await ringlab(['cp', join(dir, 'done'), `${id}:`])).code, 0, 'exit code of a copy in');
  t.match(await running.ended, { code: 9 });
  t.equal(printed, '', 'what the guest lacks');
  t.notOk(existsSync(join(dir, 'none')));
  t.equal((await ringlab(['cp', `${id}:x`, dir])).code, 2, 'after the end of the shell');
});
