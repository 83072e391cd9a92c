/* SPDX-License-Identifier: MIT */
/* Latency of requests with a queue that is kept full. */
#include "ringlab.h"
#include <sys/resource.h>
#include <time.h>

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double system_ns(void)
{
	struct rusage used;
	getrusage(RUSAGE_THREAD, &used);
	return (double)used.ru_stime.tv_sec * 1e9 + (double)used.ru_stime.tv_usec * 1e3;
}

struct drive {
	struct ring *ring;
	double *samples; /* time of submission; replaced by the latency at completion */
	size_t count, sent, completed;
};

/* Makes the SQE of the next slot request number `sent`. The kernel has consumed the slot's previous request. */
static void publish_next(struct drive *d, double now)
{
	struct ring *ring = d->ring;
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
	unsigned char *sqes = ring->sqes->address;
	struct io_uring_sqe *sqe = (void *)(sqes + (size_t)(tail & (ring->sq_entries - 1)) * ring->sqe_size);
	sqe->user_data = d->sent;
	d->samples[d->sent++] = now;
	atomic_store_explicit(ring->sq_tail, tail + 1, memory_order_release);
}

/* Reaps the posted completions. Their number, or the first error. */
static int reap_posted(struct drive *d)
{
	struct ring *ring = d->ring;
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	uint32_t ready = atomic_load_explicit(ring->cq_tail, memory_order_acquire) - head;
	double now = now_ns();
	for (uint32_t i = 0; i < ready; i++) {
		const struct io_uring_cqe *cqe = cqe_at(ring, head + i);
		if (cqe->res < 0)
			return cqe->res;
		d->samples[cqe->user_data] = now - d->samples[cqe->user_data];
	}
	atomic_store_explicit(ring->cq_head, head + ready, memory_order_release);
	d->completed += ready;
	return (int)ready;
}

/* Runs all requests, as many in flight as the queue has entries. 0 or -errno. */
static int drive_all(struct drive *d)
{
	uint32_t free_slots = d->ring->sq_entries;
	while (d->completed < d->count) {
		double now = now_ns();
		uint32_t submit = 0;
		for (; submit < free_slots && d->sent < d->count; submit++)
			publish_next(d, now);
		int taken = sys_enter(d->ring->fd, submit, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		if (taken < 0 && errno != EINTR)
			return -errno;
		if (taken >= 0 && taken != (int)submit)
			return -EIO;
		int reaped = reap_posted(d);
		if (reaped < 0)
			return reaped;
		free_slots = (uint32_t)reaped;
	}
	return 0;
}

/*
 * drive(ring, samples): submits as many requests as there are samples, reusing the SQEs in turn, with a full queue in flight. Each
 * sample becomes the latency of one request in ns. { wall, system }: elapsed time and the thread's system time over all, ns; or -errno.
 */
static napi_value drive(napi_env env, napi_callback_info info)
{
	napi_value args[2], result;
	struct drive d = { 0 };
	void *data;
	size_t length;
	if (!take_args(env, info, 2, args) || !take_ring(env, args[0], &d.ring) ||
	    !take_bytes(env, args[1], "samples", &data, &length))
		return NULL;
	d.samples = data;
	d.count = length / sizeof(*d.samples);
	double wall = now_ns(), system = system_ns();
	int error = drive_all(&d);
	if (error)
		return make_number(env, error);
	napi_create_object(env, &result);
	set_number(env, result, "wall", (int64_t)(now_ns() - wall));
	set_number(env, result, "system", (int64_t)(system_ns() - system));
	return result;
}

void export_drive(napi_env env, napi_value exports)
{
	export_function(env, exports, "drive", drive);
}
