/** Limits of a child process (setrlimit(2)). */
export interface Limits {
  /** Bytes of private writable memory. */
  dataBytes: number;
  /** Bytes of one file that it writes. */
  fileBytes: number;
  /** Seconds of CPU time. */
  cpuSeconds: number;
}

/**
 * A command line that runs `command` within limits, by prlimit (util-linux, which setpriv is part of too). At the
 * CPU limit it gets SIGXCPU, 5 s of CPU time later SIGKILL; beyond the size of a file SIGXFSZ; without memory its allocations fail.
 */
export function limited(command: readonly string[], { dataBytes, fileBytes, cpuSeconds }: Limits): string[] {
  const limits = [
    `--data=${dataBytes}`,
    `--fsize=${fileBytes}`,
    `--cpu=${cpuSeconds}:${cpuSeconds + 5}`,
    '--core=0',
  ];
  return ['prlimit', ...limits, '--', ...command];
}
