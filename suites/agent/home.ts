/** Where the agent lives in the guest: a tmpfs. */
export const AGENT_HOME = '/run/ringlab';
