/* SPDX-License-Identifier: MIT */
/* Use of a ring: its indices with their barriers, io_uring_enter and io_uring_register. */
#include "ringlab.h"
#include <linux/time_types.h>
#include <sys/eventfd.h>

/*
 * push(ring, count): publishes SQEs that the script has written; the release store makes them visible before the tail. The new tail,
 * or -EBUSY when they exceed the queue.
 */
static napi_value push(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct ring *ring;
	uint32_t count;
	if (!take_args(env, info, 2, args) || !take_ring(env, args[0], &ring) ||
	    !take_u32(env, args[1], "count", &count))
		return NULL;
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed) + count;
	if (tail - atomic_load_explicit(ring->sq_head, memory_order_acquire) > ring->sq_entries)
		return make_number(env, -EBUSY);
	atomic_store_explicit(ring->sq_tail, tail, memory_order_release);
	return make_number(env, tail);
}

/* reap(ring, out): copies posted CQEs to `out`, as many as fit, and frees their slots. Their number. */
static napi_value reap(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct ring *ring;
	void *out;
	size_t size;
	if (!take_args(env, info, 2, args) || !take_ring(env, args[0], &ring) ||
	    !take_bytes(env, args[1], "out", &out, &size))
		return NULL;
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	uint32_t ready = atomic_load_explicit(ring->cq_tail, memory_order_acquire) - head;
	uint32_t capacity = (uint32_t)(size / ring->cqe_size), count = ready < capacity ? ready : capacity;
	for (uint32_t i = 0; i < count; i++)
		memcpy((char *)out + i * ring->cqe_size, cqe_at(ring, head + i), ring->cqe_size);
	atomic_store_explicit(ring->cq_head, head + count, memory_order_release);
	return make_number(env, count);
}

/* indices(ring): heads, tails and counters of both queues. */
static napi_value indices(napi_env env, napi_callback_info info)
{
	napi_value args[1], result;
	struct ring *ring;
	if (!take_args(env, info, 1, args) || !take_ring(env, args[0], &ring) ||
	    napi_create_object(env, &result) != napi_ok)
		return NULL;
	set_number(env, result, "sqHead", atomic_load_explicit(ring->sq_head, memory_order_acquire));
	set_number(env, result, "sqTail", atomic_load_explicit(ring->sq_tail, memory_order_relaxed));
	set_number(env, result, "cqHead", atomic_load_explicit(ring->cq_head, memory_order_relaxed));
	set_number(env, result, "cqTail", atomic_load_explicit(ring->cq_tail, memory_order_acquire));
	set_number(env, result, "sqFlags", atomic_load_explicit(ring->sq_flags, memory_order_acquire));
	set_number(env, result, "dropped", atomic_load_explicit(ring->sq_dropped, memory_order_acquire));
	set_number(env, result, "overflow", atomic_load_explicit(ring->cq_overflow, memory_order_acquire));
	return result;
}

/* enter(ring, submit, complete, flags, timeoutMs): the SQEs taken, or -errno. `timeoutMs` below 0: no time limit. */
static napi_value enter(napi_env env, napi_callback_info info)
{
	napi_value args[5];
	struct ring *ring;
	uint32_t submit, complete, flags;
	int64_t timeout;
	if (!take_args(env, info, 5, args) || !take_ring(env, args[0], &ring) ||
	    !take_u32(env, args[1], "submit", &submit) || !take_u32(env, args[2], "complete", &complete) ||
	    !take_u32(env, args[3], "flags", &flags) || !take_i64(env, args[4], "timeoutMs", &timeout))
		return NULL;
	struct __kernel_timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000 };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)&ts };
	int result = timeout < 0 ? sys_enter(ring->fd, submit, complete, flags, NULL, 0)
				 : sys_enter(ring->fd, submit, complete, flags | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	return make_number(env, result < 0 ? -errno : result);
}

/* flush(ring): runs deferred task work and posts overflowed CQEs, without waiting. 0 or -errno. */
static napi_value flush(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct ring *ring;
	if (!take_args(env, info, 1, args) || !take_ring(env, args[0], &ring))
		return NULL;
	int result = sys_enter(ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	return make_number(env, result < 0 ? -errno : result);
}

/* register(ring, opcode, argument, count): the result of io_uring_register, or -errno. */
static napi_value ring_register(napi_env env, napi_callback_info info)
{
	napi_value args[4];
	struct ring *ring;
	uint32_t opcode, count;
	void *data;
	size_t length;
	if (!take_args(env, info, 4, args) || !take_ring(env, args[0], &ring) ||
	    !take_u32(env, args[1], "opcode", &opcode) || !take_bytes(env, args[2], "argument", &data, &length) ||
	    !take_u32(env, args[3], "count", &count))
		return NULL;
	long result = syscall(SYS_io_uring_register, ring->fd, opcode, data, count);
	return make_number(env, result < 0 ? -errno : result);
}

/* notifyFd(ring): an eventfd that counts completions, or -errno. Registered at the first call, closed with the ring. */
static napi_value notify_fd(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct ring *ring;
	if (!take_args(env, info, 1, args) || !take_ring(env, args[0], &ring))
		return NULL;
	if (ring->notify >= 0)
		return make_number(env, ring->notify);
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return make_number(env, -errno);
	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_EVENTFD, &fd, 1) < 0) {
		int error = -errno;
		close(fd);
		return make_number(env, error);
	}
	ring->notify = fd;
	return make_number(env, fd);
}

void export_queue(napi_env env, napi_value exports)
{
	export_function(env, exports, "push", push);
	export_function(env, exports, "reap", reap);
	export_function(env, exports, "indices", indices);
	export_function(env, exports, "enter", enter);
	export_function(env, exports, "flush", flush);
	export_function(env, exports, "register", ring_register);
	export_function(env, exports, "notifyFd", notify_fd);
}
