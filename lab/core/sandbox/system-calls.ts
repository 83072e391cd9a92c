/** System calls that no compiler, script or image recipe needs, and that reach past the namespaces of the sandbox. */
const DENIED = [
  // Keyrings belong to the user and the session, not to a namespace.
  ...(['add_key', 'request_key', 'keyctl'] as const),
  // bubblewrap's own processes, and their descriptors, belong to the user of the build.
  ...(['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd', 'kcmp'] as const),
  // Large parts of the kernel that faults were often found in, and the log of the host's kernel.
  ...(['bpf', 'perf_event_open', 'userfaultfd', 'fanotify_init', 'syslog'] as const),
  ...(['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const),
] as const;

type Denied = (typeof DENIED)[number];

/** What a filter of system calls needs to know of an architecture. */
export interface Abi {
  /** `AUDIT_ARCH_*` (linux/audit.h) of the only ABI that may be used. */
  audit: number;
  /** First number of a second ABI with the same `audit`, x32 (asm/unistd.h: `__X32_SYSCALL_BIT`); higher numbers are refused. */
  foreignFrom?: number;
  denied: Readonly<Record<Denied, number>>;
  /** Fills a disk at once, before the lab sees that it becomes full; programs write instead where a file system does not have it. */
  fallocate: number;
  /** Their first argument is an address family. */
  sockets: { socket: number; socketpair: number };
}

/** Calls that were added since Linux 5.1 have one number on all architectures. */
const SINCE_5_1 = { io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427, pidfd_getfd: 438 };

/** By `process.arch`. Sources: asm/unistd_64.h of x86, asm-generic/unistd.h. */
export const ABIS: Readonly<Partial<Record<string, Abi>>> = {
  x64: {
    audit: 0xc000_003e,
    foreignFrom: 0x4000_0000,
    denied: {
      ...{ add_key: 248, request_key: 249, keyctl: 250 },
      ...{ ptrace: 101, process_vm_readv: 310, process_vm_writev: 311, kcmp: 312 },
      ...{ bpf: 321, perf_event_open: 298, userfaultfd: 323, fanotify_init: 300, syslog: 103 },
      ...SINCE_5_1,
    },
    fallocate: 285,
    sockets: { socket: 41, socketpair: 53 },
  },
  arm64: {
    audit: 0xc000_00b7,
    denied: {
      ...{ add_key: 217, request_key: 218, keyctl: 219 },
      ...{ ptrace: 117, process_vm_readv: 270, process_vm_writev: 271, kcmp: 272 },
      ...{ bpf: 280, perf_event_open: 241, userfaultfd: 282, fanotify_init: 262, syslog: 116 },
      ...SINCE_5_1,
    },
    fallocate: 47,
    sockets: { socket: 198, socketpair: 199 },
  },
};
