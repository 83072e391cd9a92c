/** A line of a trace: `[<addr>] ` in old kernels, `? ` before a guess, then `f+0x1/0x2` or `f (file.c:12)`. */
const FRAME =
  /^\s*(\? )?(?:\[<[0-9a-fx]+>\] )?([A-Za-z_][\w.]*)(?:\+0x[0-9a-f]+\/0x[0-9a-f]+| \([\w./-]+:\d+)/;
/** The instruction pointer in a register dump of x86 or arm64. */
const POINTER = /^\s*(?:RIP: 00[01]\d:|pc : )([A-Za-z_][\w.]*)\+0x/;

/** Functions that report, lock, allocate or dispatch: they are in every trace and identify none. */
const MACHINERY = new RegExp(
  `^(?:${[
    'dump_stack\\w*|show_(?:stack|regs|trace_log_lvl)|print_\\w+|__dump_stack|dump_header|warn_alloc\\w*',
    '_*kasan_\\w+|_*asan_\\w+|_*kmsan_\\w+|_*msan_\\w+|_*kcsan_\\w+|_*tsan_\\w+|_*kfence_\\w+|_*ubsan_\\w+|check_region_inline',
    '__report_bug|report_bug|handle_bug|_*warn\\w*|exc_\\w+|asm_\\w+|die\\w*|__die\\w*|oops_\\w+|page_fault_oops|fixup_\\w+|panic|do_error_trap|do_trap',
    'lock_(?:acquire|release)\\w*|__lock_(?:acquire|release)\\w*|lockdep_\\w+|validate_chain|check_prev\\w*|check_noncircular|mark_lock\\w*|mark_usage|register_lock_class|assign_lock_key',
    '_*(?:raw_)*(?:spin|read|write)_(?:un)?lock\\w*|do_raw_\\w+|queued_\\w+|native_queued_\\w+|_*mutex_(?:un)?lock\\w*|_*ww_mutex\\w*|down_(?:read|write)\\w*|__down_\\w+|rwsem_\\w+',
    'refcount_\\w+|debug_(?:object|check|print)_\\w+|_*debug_object\\w*|err_printk|check_unmap|check_sync|check_for_\\w+|debug_dma_\\w+|add_dma_entry',
    '__might_\\w+|__list_(?:add|del)\\w*|usercopy_abort|__check_(?:object|heap)\\w*|__schedule_bug|preempt_schedule\\w*|check_preemption_disabled|debug_smp_processor_id',
    'kfree\\w*|_*kmalloc\\w*|kzalloc\\w*|kvmalloc\\w*|_*kmem_cache_(?:alloc|free)\\w*|slab_\\w+|_*slab_\\w+|object_err|check_object|check_bytes_and_report|free_\\w*debug\\w*|free_to_partial_list|alloc_debug_processing|_*alloc_pages\\w*|alloc_pages\\w*|get_page_from_freelist|mem(?:cpy|set|move)\\w*|__mem(?:cpy|set|move)\\w*|stack_trace_save|out_of_memory|oom_kill_process',
    'nmi_\\w+|trigger_\\w+|rcu_(?:dump|check|sched_clock|pending)\\w*|update_process_times|tick_\\w+|_*hrtimer_\\w+|_*sysvec_\\w+|watchdog\\w*|sched_show_task|should_fail\\w*|fail_dump|ref_tracker_\\w+',
  ].join('|')})$`,
);

/** Functions in the trace of every sleeping task: they do not show what it waits for. */
const WAITING =
  /^(?:__schedule|(?:io_)?schedule\w*|_*wait_for_\w+|do_wait\w*|__wait_\w+|bit_wait\w*|out_of_line_wait\w*)$/;

/** A function's name without the compiler's suffix: `nvme_queue_rq` for `nvme_queue_rq.isra.0` and `nvme_queue_rq.cold`. */
export function plainName(name: string): string {
  return name.replace(/\.(?:isra|constprop|part|cold|llvm|\d).*$/, '').replace(/^__pfx_/, '');
}

/** Whether a function says nothing about the fault, so that titles and signatures leave it out. */
export function isMachinery(name: string): boolean {
  return MACHINERY.test(name) || WAITING.test(name);
}

/** The function in a line of a trace, undefined for any other line; `sure` is false for the unwinder's guesses (`? f`). */
export function frameOf(text: string): { name: string; sure: boolean } | undefined {
  const match = FRAME.exec(text);
  return match?.[2] ? { name: plainName(match[2]), sure: match[1] === undefined } : undefined;
}

/** The function in which the processor was, from the register dump of kernel mode. */
export function pointerOf(text: string): string | undefined {
  const name = POINTER.exec(text)?.[1];
  return name === undefined ? undefined : plainName(name);
}

/** Replaces addresses, times and counts by letters, so that the text is equal for the same fault. */
export function normalise(text: string): string {
  return text
    .replace(/\b0x[0-9a-f]+\b|\b[0-9a-f]{8,16}\b/gi, 'ADDR')
    .replace(/\d+(?:\.\d+)*/g, 'N')
    .trim();
}
