/** The environment of a user's shell: this process's without what tap and npm set for their children. */
export const plainEnv: Record<string, string> = Object.fromEntries(
  Object.entries(process.env).flatMap(([key, value]) =>
    value === undefined || /^_?TAP|^NODE_OPTIONS|^npm_/.test(key) ? [] : [[key, value] as const],
  ),
);

/**
 * Put before a command line so that tap's loader hooks do not reach it: tap sets NODE_OPTIONS again for each process that a test
 * starts. With these hooks and Node 22 or later, imports from zx are undefined.
 */
export const WITHOUT_HOOKS = ['env', '-u', 'NODE_OPTIONS'] as const;
