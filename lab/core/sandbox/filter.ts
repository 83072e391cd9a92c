import { readFileSync } from 'node:fs';
import { constants, endianness } from 'node:os';
import { ABIS, type Abi } from './system-calls.ts';

/** Address families of sockets that a build may open, all within its own network namespace: UNIX, IPv4, IPv6, netlink. */
const FAMILIES = [1, 2, 10, 16];

/** Return values of a filter (linux/seccomp.h). */
const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const fail = (errno: number) => 0x0005_0000 | errno;

/** Offsets in `struct seccomp_data`; of the first argument, the low half of a little-endian machine. */
const DATA = { number: 0, arch: 4, firstArgument: 16 };

type Instruction = readonly [code: number, yes: number, no: number, k: number];

/** Classic BPF (linux/filter.h): load a word, compare and skip, return. */
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const skipIf = (value: number): Instruction => [0x15, 1, 0, value];
const skipTwoIf = (value: number): Instruction => [0x15, 2, 0, value];
const skipUnless = (value: number): Instruction => [0x15, 0, 1, value];
const skipBelow = (value: number): Instruction => [0x35, 0, 1, value];
const give = (value: number): Instruction => [0x06, 0, 0, value];

function assemble(instructions: readonly Instruction[]): Buffer {
  return Buffer.concat(
    instructions.map(([code, yes, no, k]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(code, 0);
      bytes.writeUInt8(yes, 2);
      bytes.writeUInt8(no, 3);
      bytes.writeUInt32LE(k, 4);
      return bytes;
    }),
  );
}

/**
 * The filter of an ABI, for `bwrap --seccomp`. Calls that are refused fail as on a kernel without them (ENOSYS), fallocate as on a
 * file system without it (EOPNOTSUPP), and sockets as on a kernel without their family (EAFNOSUPPORT), which programs expect. A program of another ABI, whose numbers differ, is ended.
 */
export function filterProgram({ audit, foreignFrom, denied, fallocate, sockets }: Abi): Buffer {
  const { ENOSYS, EOPNOTSUPP, EAFNOSUPPORT } = constants.errno;
  return assemble([
    load(DATA.arch),
    skipIf(audit),
    give(KILL_PROCESS),
    load(DATA.number),
    ...(foreignFrom === undefined ? [] : [skipBelow(foreignFrom), give(fail(ENOSYS))]),
    ...Object.values(denied).flatMap((number) => [skipUnless(number), give(fail(ENOSYS))]),
    ...[skipUnless(fallocate), give(fail(EOPNOTSUPP))],
    // Both to the check of the family.
    ...[skipTwoIf(sockets.socket), skipIf(sockets.socketpair), give(ALLOW)],
    load(DATA.firstArgument),
    ...FAMILIES.flatMap((family) => [skipUnless(family), give(ALLOW)]),
    give(fail(EAFNOSUPPORT)),
  ]);
}

/** The kernel lists here what a filter may return; the file is missing where the kernel has no filters (seccomp(2), Linux 4.14). */
const ACTIONS = '/proc/sys/kernel/seccomp/actions_avail';

/**
 * The filter of system calls for this machine; empty where its kernel has none or the architecture is unknown: then the self-test decides. `actions` is the file by which the kernel shows that it has filters.
 */
export function systemCallFilter(actions = ACTIONS, arch: string = process.arch): Buffer {
  const abi = ABIS[arch];
  if (!abi || endianness() !== 'LE') return Buffer.alloc(0);
  try {
    const available = readFileSync(actions, 'utf8').trim().split(' ');
    return ['errno', 'kill_process'].every((name) => available.includes(name))
      ? filterProgram(abi)
      : Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
}
