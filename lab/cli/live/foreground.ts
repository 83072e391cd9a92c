import { readFileSync } from 'node:fs';

/**
 * Whether this process may draw on its terminal: false for a background job (`ringlab run &`), whose user works in the shell meanwhile.
 * True where there is no controlling terminal or no procfs.
 */
export function isInForeground(): boolean {
  try {
    // Fields of proc(5) after the name, which may hold anything: state, ppid, pgrp, session, tty_nr, tpgid.
    const [, , group, , , foreground] =
      readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return Number(foreground) <= 0 || foreground === group;
  } catch {
    return true;
  }
}
