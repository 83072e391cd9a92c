/** Folder of the agent in the guest: a tmpfs. */
export const AGENT_HOME = '/run/ringlab';

/** Folder of the programs of a suite in the guest, a tmpfs, and that of the libraries that guests lack. */
export const PROGRAM_HOME = '/run/program';
export const PROGRAM_LIBRARIES = '/run/program-lib';

/** Exit codes of the runner of programs; `stuck`: a process does not die by SIGKILL, so the programs after it were not begun. */
export const RunnerExit = { passed: 0, failed: 1, broken: 2, stuck: 3 } as const;
