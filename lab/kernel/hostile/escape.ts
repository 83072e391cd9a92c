import { perl, rows } from './attack.ts';
import { leaveKey, readKey } from './keys.ts';

/** Takes the standard error of process 1, to which bubblewrap prints: pidfd_open and pidfd_getfd have one number everywhere. */
const FORGE =
  'my $f = syscall(438, syscall(434, 1, 0), 2, 0); open(my $h, ">&=", $f) and syswrite($h, "bwrap: forged\\n")';

/** Leave the sandbox, gain rights, or touch other processes. */
export const escapes = rows('escape', [
  ['remounts the root read-write', ({ home }) => `mount -o remount,rw,bind / && touch ${home}/mark`],
  [
    'remounts through /proc/self/root',
    ({ home }) => `mount -o remount,rw /proc/self/root; touch /proc/self/root${home}/mark`,
  ],
  [
    'unmounts what hides the home folder',
    ({ home }) => `umount -l ${home}; umount -l /root /home /tmp; touch ${home}/mark`,
  ],
  ['binds the root elsewhere', ({ home }) => `mkdir -p m; mount --rbind / m; touch m${home}/mark`],
  ['mounts over the tools', () => 'mount -t tmpfs none /usr/local && touch /usr/local/mark'],
  [
    'takes a new user namespace',
    ({ home }) => `unshare -Urm sh -c 'umount -l ${home}; mount -o remount,rw /; touch ${home}/mark'`,
  ],
  [
    'takes a new mount namespace',
    ({ home }) => `unshare -m sh -c 'mount -o remount,rw /; touch ${home}/mark'`,
  ],
  ['enters the namespaces of process 1', ({ home }) => `nsenter -a -t 1 touch ${home}/mark`],
  ['enters the namespaces of the victim', ({ home, pid }) => `nsenter -a -t ${pid} touch ${home}/mark`],
  ['changes its root to that of process 1', ({ home }) => `chroot /proc/1/root touch ${home}/mark`],
  ['writes through the root of process 1', ({ home }) => `echo x > /proc/1/root${home}/mark`],
  [
    'writes through the cwd of the victim',
    ({ home, pid }) => `echo x > /proc/${pid}/cwd/mark; echo x > /proc/${pid}/root${home}/mark`,
  ],
  ['makes a node of the root disk', ({ home }) => `mknod disk b 254 0 && dd if=disk of=${home}/mark count=1`],
  [
    'sets the program that handles core dumps',
    ({ home }) => `echo '|/bin/touch ${home}/mark' > /proc/sys/kernel/core_pattern; ${perl('kill 11, $$')}`,
  ],
  ['sets the program for modules', ({ home }) => `echo ${home}/mark > /proc/sys/kernel/modprobe`],
  [
    'sets the program for uevents',
    ({ home }) => `mount -t sysfs s m; echo ${home}/mark > /sys/kernel/uevent_helper`,
  ],
  [
    'uses the release agent of a cgroup',
    ({ home }) => `mkdir -p g; mount -t cgroup -o memory c g && echo ${home}/mark > g/release_agent`,
  ],
  ['asks for a key of SysRq', () => 'echo h > /proc/sysrq-trigger && echo done'],
  ['loads a module', () => 'modprobe dummy || insmod /lib/modules/*/kernel/drivers/net/dummy.ko'],
  [
    'becomes another user by a set-user-ID shell',
    ({ home }) => `cp /bin/sh s; chown 0:0 s; chmod 4755 s; ./s -p -c 'touch ${home}/mark'`,
  ],
  [
    'asks su and sudo',
    ({ home }) => `su -c 'touch ${home}/mark' root < /dev/null; sudo -n touch ${home}/mark`,
  ],
  [
    'gives itself capabilities',
    ({ home }) =>
      `setpriv --inh-caps=+all --ambient-caps=+all touch ${home}/mark; capsh --addamb=cap_sys_admin -- -c 'mount -o remount,rw /'`,
  ],
  [
    'types into the terminal',
    () => perl('open T, "+</dev/tty" or open T, "<&0"; ioctl(T, 0x5412, $_) for split //, "touch mark\\n"'),
  ],
  ['stops and kills the victim', ({ pid }) => `kill -STOP ${pid}; kill -KILL ${pid}; kill -KILL -1`],
  ['traces the victim', ({ pid }) => perl(`syscall(101, 16, ${pid}, 0, 0); syscall(101, 8, ${pid}, 0, 0)`)],
  ['leaves a key with the user', () => leaveKey],
  ['reads a key of the user', () => readKey],
  [
    'passes its own fault off as one of the sandbox',
    () => `${perl(FORGE)}; echo 'bwrap: forged' > /proc/1/fd/2; kill -9 $(pidof make)`,
  ],
  ['shuts its object folder', () => 'chmod 000 .'],
  ['writes above the object folder', () => 'echo x > ../mark; echo x > ../../mark; echo x > ../tree/mark'],
]);
