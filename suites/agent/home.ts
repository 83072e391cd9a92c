/** Folder of the agent in the guest: a tmpfs. */
export const AGENT_HOME = '/run/ringlab';
