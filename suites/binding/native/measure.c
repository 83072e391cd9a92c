/* SPDX-License-Identifier: MIT */
/* What submissions cost, by the CPU's time-stamp counter: in a guest whose clock counts instructions it counts those. */
#include "ringlab.h"
#include <time.h>
#include <x86intrin.h>

/* Nothing of what is measured may be moved across it. */
static inline uint64_t stamp(void)
{
	_mm_lfence();
	uint64_t now = __rdtsc();
	_mm_lfence();
	return now;
}

static uint64_t thread_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Takes `count` completions. 0, or the first that is no success as -errno. */
static int take_completions(struct ring *ring, uint32_t count)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	int error = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = (head + i) & (ring->cq_entries - 1);
		const struct io_uring_cqe *cqe = (void *)(ring->cqes + (size_t)slot * ring->cqe_size);
		/* A command's status is positive, but so is the length of a transfer: the caller checks those beforehand. */
		if (cqe->res < 0 && !error)
			error = cqe->res;
	}
	atomic_store_explicit(ring->cq_head, head + count, memory_order_release);
	return error;
}

static int wait_for(struct ring *ring, uint32_t count)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	while (atomic_load_explicit(ring->cq_tail, memory_order_acquire) - head < count) {
		if (sys_enter(ring->fd, 0, count, IORING_ENTER_GETEVENTS, NULL, 0) < 0 && errno != EINTR)
			return -errno;
	}
	return take_completions(ring, count);
}

/* One turn of the whole queue: ticks of the submission alone, or -errno. */
static int64_t turn(struct ring *ring, uint32_t count)
{
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed) + count;
	atomic_store_explicit(ring->sq_tail, tail, memory_order_release);
	uint64_t before = stamp();
	int taken = sys_enter(ring->fd, count, 0, 0, NULL, 0);
	uint64_t after = stamp();
	if (taken != (int)count)
		return taken < 0 ? -errno : -EIO;
	int error = wait_for(ring, count);
	return error ? error : (int64_t)(after - before);
}

/*
 * measure(ring, samples): submits the ring's SQEs, all as they lie, once for every sample and waits for them. Each sample
 * becomes the ticks from before to after the submission. The thread's CPU time of everything in ns, or -errno.
 */
static napi_value measure(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct ring *ring;
	void *data;
	size_t length;
	if (!take_args(env, info, 2, args) || !take_ring(env, args[0], &ring) ||
	    !take_bytes(env, args[1], "samples", &data, &length))
		return NULL;
	double *samples = data;
	uint64_t started = thread_time();
	for (size_t i = 0; i < length / sizeof(*samples); i++) {
		int64_t ticks = turn(ring, ring->sq_entries);
		if (ticks < 0)
			return make_number(env, ticks);
		samples[i] = (double)ticks;
	}
	return make_number(env, (int64_t)(thread_time() - started));
}

/* clockCost(samples): the same ticks around nothing. */
static napi_value clock_cost(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	void *data;
	size_t length;
	if (!take_args(env, info, 1, args) || !take_bytes(env, args[0], "samples", &data, &length))
		return NULL;
	double *samples = data;
	for (size_t i = 0; i < length / sizeof(*samples); i++) {
		uint64_t before = stamp();
		uint64_t after = stamp();
		samples[i] = (double)(after - before);
	}
	return make_number(env, 0);
}

/* spin(count): ticks that 4 * `count` instructions take, to see what a tick is. */
static napi_value spin(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	uint32_t count;
	if (!take_args(env, info, 1, args) || !take_u32(env, args[0], "count", &count))
		return NULL;
	uint64_t left = count, before = stamp();
	__asm__ volatile("1: nop\n\tnop\n\tdec %0\n\tjnz 1b" : "+r"(left) : : "cc");
	return make_number(env, (int64_t)(stamp() - before));
}

void export_measure(napi_env env, napi_value exports)
{
	export_function(env, exports, "measure", measure);
	export_function(env, exports, "clockCost", clock_cost);
	export_function(env, exports, "spin", spin);
}
