/** A line that init prints (images/minimal/init), through the kernel's log since a kernel message would split it otherwise, with its time stamp. */
const initLine = (text: string): RegExp => new RegExp(`^(?:(?:\\[[^\\]]*\\])+ )?ringlab: ${text}`);

/** The guest has keys and drives, and sshd listens. */
export const READY_LINE = initLine('guest is up');
/** A template waits to be stopped. */
export const TEMPLATE_LINE = initLine('template is ready');
/** A fork has the first `count` of its controllers. */
export const foundLine = (count: number): RegExp => initLine(`controller ${count} of \\d+ is there`);
/** The drives of a fork do not appear. */
export const MISSING_LINE = initLine('drives are missing');
