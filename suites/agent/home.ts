/** The agent's folder in the guest, on a tmpfs. */
export const AGENT_HOME = '/run/ringlab';
