/** Lines around the traces of a report. */

export const TRACE_HEAD = /^[\s0-9a-f]*(?:Call [Tt]race:|Backtrace:|backtrace(?: \(crc \w+\))?:)/;
export const TRACE_MARK =
  /^\s*(?:<\/?(?:TASK|IRQ|NMI|SOFTIRQ|#\w+|EOI|EOE|ENTRY_TRAMPOLINE|[A-Z_]+stack)>\s*)+$|^\s*\.\.\. [\d,]+ lines? skipped/;
/** Ends the last of the stacks that a trace consists of. */
export const END_TASK = /^\s*<\/TASK>/;
export const END_TRACE = /^---\[ end (?:trace|Kernel panic)/;

/** Registers and facts of the machine: part of the report before, within and after its trace. */
const DUMP =
  /^\s*$|^\s?(?:RIP|RSP|RAX|RBX|RCX|RDX|RSI|RDI|RBP|ORIG_RAX|R\d\d|FS|CS|CR2|DR\d|PKRU|Code|CPU|Hardware name|Workqueue|Modules linked in|irq event stamp|(?:hard|soft)irqs last|Tainted|FIX \S+|Kernel Offset|Mem-Info|Showing all locks|handlers|Disabling IRQ|Last Breaking-Event|Stack|Exception stack)\b|^\s+r\d+:[0-9a-f]{8}|^[0-9a-f]{4}: [ 0-9a-f]+$/;
/** An address with the function behind it: a handler of an interrupt (kernel/irq/spurious.c). */
const HANDLER = /^\[<[0-9a-f]+>\] (\w+)(?: \[\w+\])?(?: threaded .*)?$/;

/** The handler of an interrupt that a line names. */
export const handlerOf = (text: string): string | undefined => HANDLER.exec(text)?.[1];

export const isDump = (text: string): boolean => DUMP.test(text) || HANDLER.test(text);

/** What stands between the traces of one stall. */
export const STALL_PART =
  /^(?:Sending NMI|NMI backtrace for|rcu: |\t|Task dump for CPU|task:|\(detected by|INFO: NMI handler|RCU grace-period kthread|Stack dump where|\S+ +[RSDTI] |All QSes seen|\w+_?kthread starved|(?:RAX|EFLAGS|pc|lr|sp|x\d+|pstate)\b)|Call [Tt]race:/;

/** Announces the trace of another CPU, sometimes without a line of its own before the functions. */
export const CPU_TRACE = /^(?:NMI backtrace for|Task dump for CPU)/;

/** The line before the function that released a lock wrongly (kernel/locking/lockdep.c). */
export const NAMES_PLACE = /is trying to release lock \(.*\) at:$/;

/** The function that took a lock, in the explanations of lockdep. */
export const LOCKED_AT = /, at: (?:\[<[0-9a-f]+>\] )?([A-Za-z_][\w.]*)\+0x/;

const RULE = /^\s?={20,}\s*$/;

/** A rule of `=`, which opens and closes some reports. */
export const isRule = (text: string): boolean => RULE.test(text);
