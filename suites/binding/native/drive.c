/* SPDX-License-Identifier: MIT */
/* What requests take in time, with a queue that is kept full. */
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
	double *samples; /* the time of submission, then how long it took */
	size_t count, sent, done;
};

/* Makes the next SQE, whichever it is, request number `sent`; the kernel has taken what it was before. */
static void send_one(struct drive *d, double now)
{
	struct ring *ring = d->ring;
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
	unsigned char *sqes = ring->sqes->address;
	struct io_uring_sqe *sqe = (void *)(sqes + (size_t)(tail & (ring->sq_entries - 1)) * ring->sqe_size);
	sqe->user_data = d->sent;
	d->samples[d->sent++] = now;
	atomic_store_explicit(ring->sq_tail, tail + 1, memory_order_release);
}

/* Takes what has completed: how many, or the first error. */
static int take_some(struct drive *d)
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
	d->done += ready;
	return (int)ready;
}

/* 0 or -errno. */
static int drive_all(struct drive *d)
{
	uint32_t depth = d->ring->sq_entries, more = depth;
	while (d->done < d->count) {
		double now = now_ns();
		uint32_t submit = 0;
		for (; submit < more && d->sent < d->count; submit++)
			send_one(d, now);
		int taken = sys_enter(d->ring->fd, submit, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		if (taken < 0 && errno != EINTR)
			return -errno;
		if (taken >= 0 && taken != (int)submit)
			return -EIO;
		int got = take_some(d);
		if (got < 0)
			return got;
		more = (uint32_t)got;
	}
	return 0;
}

/*
 * drive(ring, samples): sends as many requests as there are samples, the SQEs as they lie in turn, as many at once as the
 * queue has, and makes each sample the time of one in ns. { wall, system }: ns of everything and the thread's in the kernel,
 * or -errno.
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
