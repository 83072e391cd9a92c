import { readFileSync } from 'node:fs';

/** Ids of a process's children, in our PID namespace; empty when it has ended or the kernel does not list them. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/**
 * Id of the QEMU that runs under `pid`: bubblewrap waits for the first process of the PID namespace, which waits for QEMU.
 * QEMU, which may not fork, is the last of the chain.
 */
export function qemuPid(pid: number): number {
  const [child] = childrenOf(pid);
  return child === undefined ? pid : qemuPid(child);
}

/** Whether a process lives: one that has ended and waits for its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\S+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
