/**
 * Functions that are in the traces of many faults and identify none. A name is a pattern of the whole function name; leading underscores
 * are removed before it is compared.
 */
const GROUPS: Record<string, readonly string[]> = {
  /** Prints the report. */
  reporting: [
    'dump_stack\\w*|dump_backtrace|show_(?:stack|regs|trace_log_lvl)\\w*|print_\\w+|dump_(?:header|page|cpu_task|task)\\w*|unwind_\\w+|walk_stackframe|stack_trace_\\w+|save_stack\\w*|arch_stack_walk\\w*|stack_depot_\\w+',
    'report_\\w+|handle_bug|report_bad_irq|note_interrupt|warn(?:_\\w+)?|die\\w*|oops_\\w+|page_fault_oops|v?panic|\\w+_panic|handle_bad_stack|bad_stack|nmi_panic|make_task_dead|rewind_stack\\w*|check_panic_on_warn|do_kernel_fault|bad_area\\w*|no_context|do_user_addr_fault|kernelmode_fixup_or_oops',
    '[ea]?[hw]?asan_\\w+|k[am]?c?san_\\w+|msan_\\w+|tsan_\\w+|csan_\\w+|kfence_\\w+|ubsan_\\w+|hwasan_\\w+|check_(?:memory_region|region_inline)\\w*|memory_is_\\w+|bytes_is_nonzero|sanitizer_cov_\\w+|instrument_\\w+|kcov_\\w+|write_comp_data|check_kcov_mode|sw_tags_\\w+|read_word_at_a_time|read_once_word_nocheck|x86_indirect_thunk_\\w+|stack_chk_fail|do_tag_\\w+|do_bad_area|saved_regs|panic_saved_regs',
    'fault_in_\\w+|should_fail\\w*|fail_dump|sched_show_task|ref_tracker_\\w+|kmemleak_\\w+|create_object|ftrace_\\w+|mcount\\w*|fentry\\w*|trace_(?:event_\\w+|hardirqs_\\w+|irq_\\w+|preempt_\\w+|call_bpf\\w*)|perf_trace_\\w+|bpf_trace_run\\w*|bpf_test_run',
  ],
  /** Enters the kernel by a trap or an interrupt. */
  entry: [
    'exc_\\w+|asm_(?:exc|sysvec|common)_\\w+|do_(?:error_trap|trap\\w*|page_fault|invalid_op|general_protection|int3|undefinstr|mem_abort|translation_fault|sp_pc_abort|alignment\\w*|bad|notify_resume|signal_stop|el0_svc|serror|DataAbort|PrefetchAbort|IRQ|async_page_fault|double_fault|nmi)',
    'fixup_(?:bug|exception)|invalid_op|page_fault|general_protection|async_page_fault|error_(?:entry|return|exit)|divide_error|double_fault|vmalloc_fault|handle_page_fault|bug_handler|brk_handler|call_break_hook|early_brk64|debug_exception\\w*|el[01]\\w*|dabt_svc|irq_svc|und_svc|ret_from_(?:intr|exception)|retint_\\w+|restore_regs_\\w+',
    '(?:smp_)?(?:x86_)?(?:local_)?(?:apic|reschedule|call_function)\\w*_interrupt|sysvec_\\w+|common_interrupt\\w*|irq_(?:exit|enter)\\w*|handle_(?:irq|domain_irq|percpu_devid_irq|irq_event\\w*|irq_desc|edge_irq|fasteoi_irq)|generic_handle\\w*_irq\\w*|run_(?:irq|sys)_on_irqstack\\w*|call_on_irq_?stack|gic_handle_irq\\w*|invoke_syscall|trace_graph_\\w+|irqentry_\\w+',
    'nmi_\\w+|(?:arch_)?trigger_\\w+|rcu_(?:dump|check|sched_clock|pending|is_watching|read_lock|read_unlock|lockdep|preempt_deferred|note|accelerate|core|eqs|dynticks|irq|idle|user)\\w*|check_cpu_stall|do_nmi\\w*|default_do_nmi|end_repeat_nmi|first_nmi|repeat_nmi|update_process_times|tick_\\w+|(?:local_)?hrtimer_(?:interrupt|run_queues|wakeup)|run_hrtimer\\w*|watchdog\\w*|arch_timer_handler\\w*|timekeeping_\\w+',
  ],
  /** Lockdep and locks. */
  locking: [
    'lock_(?:acquire|release|is_held|downgrade|pin|unpin|set_class|commit|contended)\\w*|lockdep_\\w+|debug_lockdep_\\w+|validate_chain|check_(?:prev\\w*|prevs_add|noncircular|deadlock|irq_usage|usage\\w*|wait_context|chain\\w*|flags\\w*)|mark_(?:lock|held_locks|usage)\\w*|valid_state|register_lock_class|assign_lock_key|look_up_lock_class|hlock_class|find_held_lock|reacquire_held_locks|match_held_lock|noop_count|static_obj|debug_check_no_\\w+|usage_accumulate|bfs|check_and_add\\w*|rcu_lock_\\w+|lock_sys_exit',
    '(?:r?a?w_)*(?:raw_)*(?:spin|read|write|seq)_?(?:try|un)?lock\\w*|do_raw_\\w+|(?:native_)?queued_\\w+|pv_(?:queued|wait|kick|hybrid)\\w*|kvm_wait|arch_spin_\\w+|virt_spin_lock|spin_(?:dump|bug)|rwlock_bug|write_lock_\\w+|read_lock_\\w+|bit_spin_\\w+|seqprop\\w*',
    '(?:ww_)?mutex_\\w+|(?:rt_|rwbase_|rt_spin_)\\w*lock\\w*|rt_mutex_\\w+|rtmutex_\\w+|rwsem_\\w+|(?:call_rwsem_)?(?:down|up)(?:_(?:read|write|interruptible|killable|timeout|trylock|common|failed)\\w*)?|ldsem_\\w+|percpu_(?:down|up)_\\w+|percpu_rwsem_\\w+|osq_\\w+|optimistic_spin\\w*|downgrade_write|lock_(?:sock|page|buffer|mount_hash|kernel)(?:_\\w+)?|sock_lock\\w*|local_lock\\w*|(?:u|)might_\\w+',
    'might_(?:sleep|resched|fault|lock)\\w*|cond_resched\\w*|check_preemption_disabled|debug_smp_processor_id|this_cpu_preempt_check|preempt_(?:schedule|count)\\w*|local_bh_\\w+|local_irq_\\w+|arch_local_\\w+|native_(?:save|restore|irq)\\w*|raw_local_\\w+|might_alloc',
  ],
  /** Waits and schedules. */
  waiting: [
    'schedule(?:_\\w+)?|wait_rcu_gp|console_(?:lock|unlock|trylock)\\w*|io_schedule\\w*|context_switch|switch_to\\w*|(?:prepare|finish)_task_switch|prepare_to_\\w*wait\\w*|finish_\\w*wait|do_wait_\\w*|(?:swait|wait)_(?:for|on|event|woken)\\w*|do_wait_for_\\w+|bit_wait\\w*|out_of_line_wait\\w*|wait_common\\w*|usleep_range\\w*|msleep\\w*|do_sched_yield|sched_(?:yield|submit)\\w*|try_to_wake_up|default_wake_function|autoremove_wake\\w*|wake_up(?:_\\w+)?|ttwu_\\w+|complete(?:_\\w+)?|swake_up\\w*|wakeup_\\w+',
    'folio_wait\\w*|wait_on_\\w+|(?:lock_)?(?:page|folio)_(?:lock|wait)\\w*|flush_work|start_flush_work|cancel_\\w*work\\w*|try_to_grab_pending|(?:cancel|mod|queue)_delayed_work\\w*|(?:delayed_)?queue_work\\w*|insert_work|flush_(?:workqueue|delayed_work|scheduled_work)_?\\w*|kthread_(?:stop|park)|drain_workqueue|destroy_workqueue',
  ],
  /** Counts references, and checks objects, lists and copies. */
  objects: [
    'refcount_\\w+|kref_\\w+|atomic\\w*|arch_atomic\\w*|atomic_fetch\\w*|percpu_ref_(?:get|put|tryget|kill)\\w*|debug_(?:object|check|print|assert|dma|timer|hrtimer|work|rcu)_\\w+|debug_object\\w*|debug_check_no_obj\\w*|\\w+_is_static_object|err_printk|check_(?:unmap|sync|for_\\w+)|add_dma_entry|sub_and_test|test_and_\\w+|rcu_head_\\w+|call_rcu\\w*|(?:task_)?work_busy',
    'list_(?:add|del|empty|move|splice|first|lru_(?:add|del))\\w*|hlist_\\w+|h?list_\\w*_rcu|rb_\\w+|rbtree_\\w+|(?:radix_tree|idr|ida|xa|xas|xarray|mas|mtree|plist|klist|llist|timerqueue|interval_tree|rhashtable|rht|lookup_object|assoc_array)_\\w+|lookup_object|find_(?:first|next|last)_\\w*bit\\w*|(?:set|clear|test|change|assign)_bit\\w*|bitmap_\\w+|(?:cpumask|nodemask)_\\w+|constant_test_bit|variable_test_bit|arch_\\w*_bit\\w*',
    'usercopy_\\w+|check_(?:object|heap|stack|page_span|bogus)_?\\w*|(?:raw_|arch_|inline_|)?copy_(?:from|to|in|user)\\w*|clear_user\\w*|(?:get|put)_user\\w*|strn?cpy_from_user|strn?len_user|probe_kernel_\\w+|fortify_panic|copy_(?:page|mc|highpage)\\w*|clear_(?:page|huge_page|user_page|highpage)\\w*|csum_\\w+|do_csum|crc(?:16|32\\w*|_\\w+|32c\\w*)|hex_dump_to_buffer|print_hex_dump|aes\\w*_(?:en|de)crypt|simple_copy_to_iter',
    'kobject_(?:set_name|get|put|del|add|release|cleanup|init|uevent|create|namespace)\\w*|kobj_\\w+|(?:get|put)_device\\w*|device_(?:add|del|release|register|unregister|create|destroy|initialize|remove_\\w+|links?_\\w+)\\w*|devres_\\w+|devm_\\w+|sysfs_\\w+|dpm_sysfs_\\w+|kernfs_\\w+|internal_create_group\\w*|uevent_\\w+|add_uevent_var|cdev_(?:put|del)|proc_(?:register|create\\w*|mkdir\\w*)|remove_proc_\\w+|debugfs_(?:create|remove)\\w*|start_creating|bus_(?:add|remove)_device|driver_(?:register|attach)|usb_(?:submit|kill|unlink|start_wait|kill_anchored)_urbs?|usb_(?:control|bulk|interrupt)_msg\\w*|usb_hcd_\\w+|i2c_(?:transfer\\w*|del_adapter)|drop_nlink|(?:i|f|____f|mnt)put(?:_final)?|dput|fast_dput|dentry_(?:kill|unlink_inode)|mark_buffer_dirty|(?:un)?lock_(?:page|folio)|folio_unlock|assertfail|fortify_\\w+',
    '(?:del|mod|add)_timer\\w*|timer_(?:delete|shutdown|reduce)\\w*|lock_timer_base|remove_hrtimer|sk_stop_timer\\w*|sk_reset_timer|try_to_del_timer\\w*|detach_\\w*timer|(?:do_)?init_timer\\w*|internal_add_timer|hrtimer_(?:init|start|cancel|try_to_cancel|active|forward|start_range_ns|setup|get_remaining)\\w*',
  ],
  /** Allocates and frees. */
  memory: [
    'k[vz]?z?(?:m|re|c)?alloc\\w*|k[vz]*free\\w*|kmem_cache_\\w+|(?:do_|)slab_\\w+|(?:new|allocate)_slab\\w*|cache_\\w*(?:alloc|free|grow)\\w*|do_(?:kmem|slab|kmalloc)\\w*|object_err|check_bytes_and_report|init_object|free_(?:\\w*debug\\w*|to_partial_list|one_page|unref\\w*|pages?|pages_\\w+|large_kmalloc|slab|objects?)|alloc_debug_processing|(?:q(?:list|uarantine)_\\w+)|(?:get|put)_(?:partial|cpu_partial)\\w*|deactivate_slab|unfreeze_partials|flush_cpu_slab|(?:do_)?large_kmalloc\\w*|kmalloc_\\w+|memdup_\\w+|kmemdup\\w*|v?memdup_user\\w*|k?str(?:n)?dup\\w*|kvasprintf\\w*|kasprintf|kfree_const|kstrdup_const',
    'alloc_(?:pages?|folio|frozen)\\w*|folio_alloc\\w*|get_(?:page_from_freelist|free_pages|zeroed_page)\\w*|rmqueue\\w*|prep_new_page|post_alloc_hook|free_(?:pcp|frozen|hot_cold|prepared|tail)\\w*|out_of_memory|oom_kill_process|vm(?:alloc|free|ap)(?:_\\w+)?|(?:pcpu|percpu)_(?:alloc|mem|free|chunk|create|populate)\\w*|alloc_percpu\\w*|free_percpu|bad_page\\w*|page_\\w*check\\w*|mempool_\\w+|dma_pool_\\w+',
    'mem(?:cpy|set|move|cmp|chr|scan|zero)\\w*|str(?:n|l|r|case)*(?:len|cpy|cmp|cat|chr|str|casecmp|spn|cspn|sep|scpy|scmp)\\w*|bcmp|v?s(?:n|c)*printf|(?:va_)?format\\w*|hex_string|pointer|string(?:_nocheck|_truncate)?|number|widen_string|v?printk\\w*|dev_v?printk\\w*|_?dev_(?:err|warn|info|printk|printk_emit)|skb_(?:put|push|pull|panic|over_panic|under_panic|release_data|release_head_state|release_all|zcopy\\w*|copy_\\w+|get|unref|dequeue\\w*|queue_(?:tail|head|purge\\w*)|unlink|clone|header_\\w+)|pskb_\\w+|(?:k|consume_|dev_k|napi_consume_|sk_)?free_?skb\\w*|kfree_skbmem|consume_skb|(?:netdev_|dev_|napi_)?alloc_skb\\w*|build_skb\\w*|release_sock|sk_skb_reason_drop|skb_free_head|page_frag_\\w+|sk_(?:alloc|prot_alloc|free|destruct)|sock_(?:put|hold|kmalloc|wmalloc|kfree_s)',
  ],
};

const HELPER = new RegExp(`^(?:${Object.values(GROUPS).flat().join('|')})$`);

/** Whether a function says nothing about a fault, so that titles and signatures leave it out. */
export const isHelper = (name: string): boolean => HELPER.test(name.replace(/^_+/, ''));
