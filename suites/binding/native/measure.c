/* SPDX-License-Identifier: MIT */
/* What submissions cost, by the CPU's time-stamp counter: in a guest whose clock counts instructions it counts those. */
#include "ringlab.h"
#include <x86intrin.h>

/* Nothing of what is measured may be moved across it. */
static inline uint64_t stamp(void)
{
	_mm_lfence();
	uint64_t now = __rdtsc();
	_mm_lfence();
	return now;
}

/* Takes `count` completions. 0, or the first that is no success as -errno. */
static int take_completions(struct ring *ring, uint32_t count)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	int error = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct io_uring_cqe *cqe = cqe_at(ring, head + i);
		/* A command's status is positive, but so is the length of a transfer: the caller checks those beforehand. */
		if (cqe->res < 0 && !error)
			error = cqe->res;
	}
	atomic_store_explicit(ring->cq_head, head + count, memory_order_release);
	return error;
}

int await_cqes(struct ring *ring, uint32_t count)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	while (atomic_load_explicit(ring->cq_tail, memory_order_acquire) - head < count) {
		if (sys_enter(ring->fd, 0, count, IORING_ENTER_GETEVENTS, NULL, 0) < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

/* What a turn of the whole queue is, and what is done after it that nobody counts. */
struct work {
	struct ring *ring;
	uint32_t apart; /* each request is submitted by a call of its own */
	int trigger; /* what makes the requests complete when it is written to; -1: they do so by themselves */
	int drain; /* a file that does not block and is emptied after each turn, or -1 */
};

static uint32_t publish_all(struct ring *ring)
{
	uint32_t count = ring->sq_entries, tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed) + count;
	atomic_store_explicit(ring->sq_tail, tail, memory_order_release);
	return count;
}

/* Ticks of submitting the whole queue by one call, or -errno. */
static int64_t submit_all(struct ring *ring)
{
	uint32_t count = publish_all(ring);
	uint64_t before = stamp();
	int taken = sys_enter(ring->fd, count, 0, 0, NULL, 0);
	uint64_t after = stamp();
	if (taken != (int)count)
		return taken < 0 ? -errno : -EIO;
	return (int64_t)(after - before);
}

/* The same by a call for each request: the ticks of all calls. */
static int64_t submit_apart(struct ring *ring)
{
	uint32_t left = publish_all(ring);
	int taken = 1;
	uint64_t before = stamp();
	while (left && (taken = sys_enter(ring->fd, 1, 0, 0, NULL, 0)) == 1)
		left--;
	uint64_t after = stamp();
	if (left)
		return taken < 0 ? -errno : -EIO;
	return (int64_t)(after - before);
}

/* Ticks of the one call in which the whole queue completes, or -errno. */
static int64_t complete_all(const struct work *w)
{
	struct ring *ring = w->ring;
	uint64_t one = 1;
	if (write(w->trigger, &one, sizeof(one)) != sizeof(one))
		return -errno;
	uint64_t before = stamp();
	int result = sys_enter(ring->fd, 0, ring->sq_entries, IORING_ENTER_GETEVENTS, NULL, 0);
	uint64_t after = stamp();
	return result < 0 ? -errno : (int64_t)(after - before);
}

static int empty(int fd)
{
	char bytes[4096];
	ssize_t got;
	do
		got = read(fd, bytes, sizeof(bytes));
	while (got > 0);
	return got == 0 || errno == EAGAIN ? 0 : -errno;
}

/* Ticks of the part of a turn that is asked for, or -errno. */
static int64_t turn(const struct work *w)
{
	int64_t ticks = w->apart ? submit_apart(w->ring) : submit_all(w->ring);
	if (ticks >= 0 && w->trigger >= 0)
		ticks = complete_all(w);
	if (ticks < 0)
		return ticks;
	int error = await_cqes(w->ring, w->ring->sq_entries);
	if (!error)
		error = take_completions(w->ring, w->ring->sq_entries);
	if (!error && w->drain >= 0)
		error = empty(w->drain);
	return error ? error : ticks;
}

/*
 * measure(ring, samples, apart, trigger, drain): submits the ring's SQEs, all as they lie, once for every sample and waits for
 * them. Each sample becomes the ticks from before to after the submission, by one call or by one for each; with a `trigger`
 * (else -1) those of the call in which they complete. The thread's CPU time of everything in ns, or -errno.
 */
static napi_value measure(napi_env env, napi_callback_info info)
{
	napi_value args[5];
	struct work work;
	int64_t trigger, drain;
	void *data;
	size_t length;
	if (!take_args(env, info, 5, args) || !take_ring(env, args[0], &work.ring) ||
	    !take_bytes(env, args[1], "samples", &data, &length) || !take_u32(env, args[2], "apart", &work.apart) ||
	    !take_i64(env, args[3], "trigger", &trigger) || !take_i64(env, args[4], "drain", &drain))
		return NULL;
	work.trigger = (int)trigger;
	work.drain = (int)drain;
	double *samples = data;
	uint64_t started = cpu_time(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < length / sizeof(*samples); i++) {
		int64_t ticks = turn(&work);
		if (ticks < 0)
			return make_number(env, ticks);
		samples[i] = (double)ticks;
	}
	return make_number(env, (int64_t)(cpu_time(CLOCK_THREAD_CPUTIME_ID) - started));
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
