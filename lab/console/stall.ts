import { anyOf } from './names.ts';

/** Entries of the timer interrupt: what is inside of them only noticed the stall. */
const TIMER_ENTRY = anyOf(
  String.raw`asm_sysvec_\w+|(?:smp_)?(?:trace_)?apic_timer_interrupt\w*|common_interrupt|nmi|end_repeat_nmi`,
  String.raw`el1h?_\w*irq\w*|__irq_svc`,
);

/** Functions that notice a stall and print the trace. */
const NOTICES = anyOf(
  String.raw`_*rcu_\w+|check_cpu_stall|print_(?:cpu|other_cpu)_stall|watchdog_timer_fn`,
  String.raw`nmi_\w*backtrace|(?:arch_)?trigger_\w+|sched_show_task|dump_cpu_task|show_regs|dump_stack\w*`,
);

/** Where a softirq interrupted a task, and where a packet was received: what is outside of it did not stall. */
const BOUNDARY = anyOf(
  String.raw`__do_softirq|handle_softirqs|do_softirq\w*|__local_bh_enable_ip|irq_exit\w*|run_ksoftirqd`,
  String.raw`__netif_receive_skb\w*`,
);

/** Code that starts system calls, threads, work, timers and softirqs. */
const STARTS = anyOf(
  String.raw`entry_\w+|do_(?:fast_)?syscall\w*|do_int80\w*|syscall_\w+|invoke_syscall\w*|\w*_sys_call|system_call\w*|el[01]\w*|__irq_svc`,
  String.raw`exit_to_user\w*|prepare_exit_\w+|task_work_run|do_signal|arch_do_signal\w*|get_signal|do_group_exit|do_exit|mmput`,
  String.raw`ret_from_\w+|kthread|smpboot_thread_fn|worker_thread|process_one_work|process_scheduled_works`,
  String.raw`call_timer_fn|expire_timers|__run_timers?\w*|run_timer_\w+|timer_expire\w*|__hrtimer_run_queues|hrtimer_(?:interrupt|run_softirq)`,
  String.raw`__do_softirq|handle_softirqs|do_softirq\w*|run_ksoftirqd|irq_exit\w*|_*local_bh_\w+|tasklet_action\w*`,
  String.raw`net_[rt]x_action|_*napi_poll\w*|process_backlog|rcu_(?:core\w*|do_batch|process_callbacks|cpu_kthread)|invoke_rcu_\w+`,
  String.raw`(?:smp_|sysvec_)?(?:apic|local|reschedule|call_function)\w*interrupt|asm_\w+|_*sysvec_\w+|common_interrupt|gic_handle_irq|irqentry_\w+`,
  String.raw`generic_smp_\w+|flush_smp_\w+|secondary_startup\w*|cpu_startup_entry|start_\w+|\w+_start_kernel|rest_init|common_startup\w*`,
);

/** System calls that every driver and protocol implements: what they call says more. */
const GENERIC_CALLS =
  '(?:ioctl|p?readv?|p?writev?|p(?:read|write)(?:64|v2)|send\\w*|recv\\w*|socketcall|connect|bind|[gs]etsockopt|accept4?|splice|open\\w*|close|fcntl)';

/** Functions that pass system calls, packets and files on to what implements them. */
const PASSES_ON = anyOf(
  String.raw`(?:\w+_)?(?:sys|SYSC|SyS)_${GENERIC_CALLS}|ksys_\w+|__sys_\w+|___+sys_\w+|(?:C_)?SYSC_\w+|compat_(?:readv|writev|sock_ioctl)`,
  String.raw`(?:do_)?vfs_\w+|__vfs_\w+|new_sync_\w+|do_(?:iter|loop)_\w+|do_(?:readv|writev|pread|pwrite|splice|sendfile|sys_open|filp_open)\w*`,
  String.raw`do_compat_(?:readv|writev)\w*|call_(?:read|write)_iter|path_openat|do_last|open_last_lookups|do_open|do_dentry_open|_*fput`,
  String.raw`generic_file_splice_read|default_file_splice\w*|direct_splice\w*|kernel_(?:readv|writev|read|write|sendmsg|recvmsg)`,
  String.raw`_*sock_(?:sendmsg|recvmsg|write_iter|read_iter|aio_write|ioctl|do_ioctl|common_\w+)\w*|do_sock_[gs]etsockopt|inet6?_(?:sendmsg|recvmsg|ioctl|stream_connect|dgram_connect)`,
  String.raw`netlink_(?:sendmsg|unicast\w*|rcv_skb)|(?:rtnetlink|nfnetlink|genl|xfrm_netlink|crypto_netlink)_rcv\w*|genl_\w*rcv_msg\w*`,
  String.raw`_*netif_receive_skb\w*|dev_hard_start_xmit|_*dev_queue_xmit\w*`,
);

/** A processor that waits for an answer of another does not stall itself: what it was about to do is a matter of chance. */
const WAITS_FOR_CPU = anyOf(String.raw`smp_call_function\w*|on_each_cpu\w*|smp_call_on_cpu`);

/** Without what the timer interrupt called to print the trace. */
function withoutNotice(functions: readonly string[]): readonly string[] {
  const first = functions.findIndex((name) => TIMER_ENTRY.test(name));
  const inside = functions.findIndex((name, index) => index > first && !TIMER_ENTRY.test(name));
  const entry = first < 0 ? first : (inside < 0 ? functions.length : inside) - 1;
  return functions.slice(0, entry + 1).some((name) => NOTICES.test(name))
    ? functions.slice(entry + 1)
    : functions;
}

/**
 * The functions of a trace from that which identifies a stall. The processor loops over several functions and is found in any of them, so
 * that the innermost differs from print to print: the system call, work, timer or protocol that runs the loop does not. A trace that
 * ends before where those are started has only its innermost functions.
 */
export function fromEntry(trace: readonly string[]): readonly string[] {
  const stalled = withoutNotice(trace);
  const boundary = stalled.findIndex((name) => BOUNDARY.test(name));
  const context = boundary < 0 ? stalled : stalled.slice(0, boundary + 1);
  const waits = context.findIndex((name) => WAITS_FOR_CPU.test(name));
  if (waits >= 0) return context.slice(waits);
  const outermost = context.at(-1);
  if (outermost === undefined || !(STARTS.test(outermost) || BOUNDARY.test(outermost))) return stalled;
  const entry = context.findLastIndex((name) => !STARTS.test(name) && !PASSES_ON.test(name));
  return entry < 0 ? stalled : context.slice(entry);
}
