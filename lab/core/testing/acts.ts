/** Folders and facts of the host that hostile acts aim at; set in the environment of each act. */
export interface Targets {
  /** A folder that the sandbox may write: the working folder. */
  OPEN: string;
  /** A folder that the sandbox may read. */
  TREE: string;
  /** A folder that the sandbox is not given, with `secret`, `socket` and a writable `file`. */
  HIDDEN: string;
  PORT: string;
  ABSTRACT: string;
  PID: string;
}

/** Something that code of a patched tree tries. `script` (bash) prints `escaped` when it succeeds. */
export interface Act {
  name: string;
  script: string;
  /** It harms nothing and succeeds without a sandbox, which shows that the attempt is a real one. */
  control?: true;
}

const act = (name: string, script: string): Act => ({ name, script });
const control = (name: string, script: string): Act => ({ name, script, control: true });

const then = (attempt: string) => `${attempt} && echo escaped`;

/** perl is a part of every Debian system, and of kernel builds. */
const connect = (address: string) =>
  then(
    `perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un(${address})) or exit 1'`,
  );

/** Numbers of system calls (asm/unistd_64.h, asm-generic/unistd.h). */
const CALLS =
  process.arch === 'x64'
    ? { unshare: 272, ptrace: 101, getKey: 250, bpf: 321, perf: 298, readMemory: 310, log: 103, ring: 425 }
    : { unshare: 97, ptrace: 117, getKey: 219, bpf: 280, perf: 241, readMemory: 270, log: 116, ring: 425 };

const MOUNTS = [
  act('remount the root folder', then('mount -n -o remount,bind,rw /; touch /made')),
  act('remount the tree', then('mount -n -o remount,bind,rw "$TREE"; touch "$TREE/made"')),
  act('uncover what lies below a mount', then('umount -n -l "$TREE"')),
  act('uncover the host below /tmp', then('umount -n -l /tmp')),
  act('bind the tree to another place', then('mkdir -p x && mount -n --bind "$TREE" x')),
  act('mount a tmpfs', then('mkdir -p y && mount -n -t tmpfs none y')),
  act('mount a new proc', then('mkdir -p z && mount -n -t proc none z')),
  act('enter the mount namespace of process 1', then('nsenter -t 1 -m true')),
  act('change the root folder', then('chroot "$OPEN" /bin/true || chroot / true')),
  act('make a device node', then('mknod disk b 8 0')),
];

const USERS = [
  act('make a user namespace', then('unshare --user true')),
  act('make a user namespace with root inside', then('unshare --map-root-user --mount true')),
  act('make a mount namespace', then('unshare --mount true')),
  act(
    'make a user namespace by a system call',
    then(`perl -e 'exit(syscall(${CALLS.unshare}, 0x10000000) == 0 ? 0 : 1)'`),
  ),
  act('hold a capability', then('grep -qE "^Cap(Prm|Eff|Bnd|Amb):.*[1-9a-f]" /proc/self/status')),
  act('change the user id', then('setpriv --reuid 12 --clear-groups true')),
  act('gain rights by a set-user-id program', then('grep -q "^NoNewPrivs:.0" /proc/self/status')),
  act('give a file to another user', then('touch given && chown 12 given')),
  act(
    'trace a process of the host',
    then(`perl -e 'exit(syscall(${CALLS.ptrace}, 16, $ENV{PID} + 0, 0, 0) == 0 ? 0 : 1)'`),
  ),
];

const WRITES = [
  act('write to the tree', then('touch "$TREE/made"')),
  act('write to /usr', then('touch /usr/ringlab-made')),
  act('write to /etc', then('touch /etc/ringlab-made')),
  act('take a part of the disk at once', then('fallocate -l 4096 taken')),
  act('write to the root folder', then('touch /made')),
  act('write to /dev', then('touch /dev/made')),
  act('write through a symbolic link', then('ln -s "$HIDDEN/file" link && echo hostile >link')),
  act('make a hard link to a hidden file', then('ln "$HIDDEN/file" hard')),
  act('write past the parent folder', then('echo hostile >../hidden/file')),
  act('set the program that handles core dumps', then('(: >>/proc/sys/kernel/core_pattern)')),
  act('trigger a system request', then('(: >>/proc/sysrq-trigger)')),
  act('write through the root of process 1', then('touch "/proc/1/root$HIDDEN/made"')),
];

const READS = [
  control('read a file of the user', then('grep -q secret "$HIDDEN/secret"')),
  control('list a folder of the user', then('ls "$HIDDEN"')),
  control('read past the parent folder', then('cat ../hidden/secret')),
  control('read through the root of a process', then('cat /proc/self/root"$HIDDEN"/secret')),
  control('read /etc/passwd', then('cat /etc/passwd')),
  act('read /etc/shadow', then('cat /etc/shadow')),
  control('see /run', then('ls /run')),
  control('see /var', then('ls /var')),
  control('see /sys', then('ls /sys/kernel')),
  control('see /home', then('ls /home')),
  act(
    'read an environment that has a secret',
    then('cat /proc/[0-9]*/environ 2>/dev/null | grep -qa RINGLAB_SECRET'),
  ),
  control('read a process of the host', then('ls "/proc/$PID"')),
  act('use a descriptor of the lab', then('ls /proc/self/fd | sed 1,4d | grep -q .')),
];

const CONNECTIONS = [
  control('connect to a socket of the host', connect('"$ENV{HIDDEN}/socket"')),
  control('connect to an abstract socket of the host', connect('"\\0$ENV{ABSTRACT}"')),
  control('connect to a TCP port of the host', then('(exec 3<>"/dev/tcp/127.0.0.1/$PORT")')),
  control('signal a process of the host', then('kill -0 "$PID"')),
  act('find a network device', then('tail -n +3 /proc/net/dev | grep -qv "^ *lo:"')),
  act(
    'type into the terminal of the user',
    then('perl -e \'open(T, "+</dev/tty") or exit 1; exit(ioctl(T, 0x5412, "x") ? 0 : 1)\''),
  ),
  act(
    'see shared memory of the host',
    then('tail -n +2 /proc/sysvipc/shm | grep -q .; ls -A /dev/shm | grep -q .'),
  ),
];

/** A system call of which only an error other than "not there" proves that the kernel has looked at its arguments. */
const reach = (call: string) =>
  then(`perl -e 'exit(syscall(${call}) == -1 && ($!{ENOSYS} || $!{EPERM}) ? 1 : 0)'`);
/** Families are numbers of linux/socket.h. */
const family = (number: number) => then(`perl -e 'exit(socket(my $s, ${number}, 2, 0) ? 0 : 1)'`);

const KERNEL = [
  act('find a keyring of the user', reach(`${CALLS.getKey}, 0, -4, 1`)),
  act('find a keyring of the session', reach(`${CALLS.getKey}, 0, -3, 0`)),
  act('load a program into the kernel', reach(`${CALLS.bpf}, 5, 0, 0`)),
  act('count events of the kernel', reach(`${CALLS.perf}, 0, 0, -1, -1, 0`)),
  act('read the memory of another process', reach(`${CALLS.readMemory}, 1, 0, 0, 0, 0, 0`)),
  act('read the log of the kernel', reach(`${CALLS.log}, 10, 0, 0`)),
  act('set up an io_uring', reach(`${CALLS.ring}, 0, 0`)),
  act('use the second numbers of system calls', reach(`${0x4000_0000 + CALLS.getKey}, 0, -3, 0`)),
  act('open a socket to the hypervisor', family(40)),
  act('open a socket of the crypto interface', then(`perl -e 'exit(socket(my $s, 38, 5, 0) ? 0 : 1)'`)),
  act('open a raw packet socket', family(17)),
];

/** Attempts to leave the sandbox, to read or write what it was not given, and to reach the host. */
export const ACTS: readonly Act[] = [...MOUNTS, ...USERS, ...WRITES, ...READS, ...CONNECTIONS, ...KERNEL];
