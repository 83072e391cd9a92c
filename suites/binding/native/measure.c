/* SPDX-License-Identifier: MIT */
/* Cost of submissions by the CPU's time-stamp counter. In a guest whose clock counts instructions (icount) it counts instructions. */
#include "ringlab.h"
#include <x86intrin.h>

/* Time-stamp counter. The fences keep the CPU from moving measured instructions across it. */
static inline uint64_t stamp(void)
{
	_mm_lfence();
	uint64_t now = __rdtsc();
	_mm_lfence();
	return now;
}

/* Consumes `count` completions. 0, or -errno of the first that failed. */
static int consume_completions(struct ring *ring, uint32_t count)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	int error = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct io_uring_cqe *cqe = cqe_at(ring, head + i);
		/* An NVMe status is positive, but so is the length of a transfer: callers check the status beforehand. */
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

/* One turn submits and completes the full queue. Draining after it is not timed. */
struct work {
	struct ring *ring;
	uint32_t apart; /* one call for each request */
	int trigger; /* descriptor: writing to it lets the requests complete; -1: they complete without */
	int drain; /* non-blocking descriptor that is emptied after each turn, or -1 */
};

/* Makes all SQEs visible to the kernel; their number. */
static uint32_t publish_all(struct ring *ring)
{
	uint32_t count = ring->sq_entries, tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed) + count;
	atomic_store_explicit(ring->sq_tail, tail, memory_order_release);
	return count;
}

/* Ticks of submitting the full queue with one call, or -errno. */
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

/* Ticks of submitting the full queue with one call for each request, or -errno. */
static int64_t submit_apart(struct ring *ring)
{
	uint32_t remaining = publish_all(ring);
	int taken = 1;
	uint64_t before = stamp();
	while (remaining && (taken = sys_enter(ring->fd, 1, 0, 0, NULL, 0)) == 1)
		remaining--;
	uint64_t after = stamp();
	if (remaining)
		return taken < 0 ? -errno : -EIO;
	return (int64_t)(after - before);
}

/* Ticks of the call in which the full queue completes, or -errno. */
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

/* Reads until nothing is left. 0 or -errno. */
static int drain_file(int fd)
{
	char bytes[4096];
	ssize_t count;
	do
		count = read(fd, bytes, sizeof(bytes));
	while (count > 0);
	return count == 0 || errno == EAGAIN ? 0 : -errno;
}

/* Runs one turn. Ticks of its completion if there is a trigger, else of its submission; or -errno. */
static int64_t turn(const struct work *w)
{
	int64_t ticks = w->apart ? submit_apart(w->ring) : submit_all(w->ring);
	if (ticks >= 0 && w->trigger >= 0)
		ticks = complete_all(w);
	if (ticks < 0)
		return ticks;
	int error = await_cqes(w->ring, w->ring->sq_entries);
	if (!error)
		error = consume_completions(w->ring, w->ring->sq_entries);
	if (!error && w->drain >= 0)
		error = drain_file(w->drain);
	return error ? error : ticks;
}

/*
 * measure(ring, samples, apart, trigger, drain): submits all SQEs of the ring unchanged, once for each sample, and waits for their
 * completions. Each sample becomes the ticks of the submission (one call, or with `apart` one for each request); with a `trigger` (else
 * -1) those of the call in which the requests complete. The thread's CPU time over all in ns, or -errno.
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

/* clockCost(samples): the ticks between two readings in a row. */
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

/* spin(count): ticks of 4 * `count` instructions, which shows what a tick is. */
static napi_value spin(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	uint32_t count;
	if (!take_args(env, info, 1, args) || !take_u32(env, args[0], "count", &count))
		return NULL;
	uint64_t remaining = count, before = stamp();
	__asm__ volatile("1: nop\n\tnop\n\tdec %0\n\tjnz 1b" : "+r"(remaining) : : "cc");
	return make_number(env, (int64_t)(stamp() - before));
}

void export_measure(napi_env env, napi_value exports)
{
	export_function(env, exports, "measure", measure);
	export_function(env, exports, "clockCost", clock_cost);
	export_function(env, exports, "spin", spin);
}
