/* SPDX-License-Identifier: MIT */
/* CPU time of a turn of several system calls on one or more rings. Waiting in a call takes no CPU time. */
#include "ringlab.h"

enum { MAX_STEPS = 16 };

enum { ENTER, READ, WRITE };

struct step {
	uint32_t kind;
	struct ring *ring; /* ENTER */
	int fd; /* READ, WRITE */
	void *bytes; /* SQEs, or the memory that is read into or written from */
	size_t length;
	int64_t number; /* completions to wait for, or position in the file */
};

struct script {
	struct step steps[MAX_STEPS];
	uint32_t count;
	uint32_t at; /* index of the current step: that of the failed one after a failure */
	int64_t copied; /* bytes that READ and WRITE moved */
};

/* Consumes `count` completions. 0, or for the first with an unexpected result: that result if it is -errno, else -EIO. */
static int consume_expected(struct ring *ring, uint32_t count)
{
	uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
	int error = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct io_uring_cqe *cqe = cqe_at(ring, head + i);
		if (cqe->res != (int32_t)cqe->user_data && !error)
			error = cqe->res < 0 ? cqe->res : -EIO;
	}
	atomic_store_explicit(ring->cq_head, head + count, memory_order_release);
	return error;
}

/* An ENTER step. 0 or -errno. */
static int64_t enter(const struct step *s)
{
	struct ring *ring = s->ring;
	uint32_t tail = atomic_load_explicit(ring->sq_tail, memory_order_relaxed);
	uint32_t submit = (uint32_t)(s->length / ring->sqe_size), complete = (uint32_t)s->number;
	for (uint32_t i = 0; i < submit; i++) {
		size_t slot = (tail + i) & (ring->sq_entries - 1);
		memcpy((char *)ring->sqes->address + slot * ring->sqe_size, (char *)s->bytes + i * ring->sqe_size,
		       ring->sqe_size);
	}
	atomic_store_explicit(ring->sq_tail, tail + submit, memory_order_release);
	int taken = sys_enter(ring->fd, submit, complete, complete ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
	if (taken != (int)submit)
		return taken < 0 ? -errno : -EIO;
	/* A signal may have interrupted the wait. */
	int error = await_cqes(ring, complete);
	return error ? error : consume_expected(ring, complete);
}

/* A READ or WRITE step. 0 or -errno. */
static int64_t copy(struct script *script, const struct step *s)
{
	ssize_t moved = s->kind == READ ? pread(s->fd, s->bytes, s->length, s->number)
					: pwrite(s->fd, s->bytes, s->length, s->number);
	if (moved < 0)
		return -errno;
	script->copied += moved;
	return moved == (ssize_t)s->length ? 0 : -EIO;
}

/* CPU time of a turn in ns, or -errno. */
static int64_t turn(struct script *script)
{
	uint64_t before = cpu_time(CLOCK_THREAD_CPUTIME_ID);
	for (script->at = 0; script->at < script->count; script->at++) {
		struct step *s = &script->steps[script->at];
		int64_t error = s->kind == ENTER ? enter(s) : copy(script, s);
		if (error)
			return error;
	}
	return (int64_t)(cpu_time(CLOCK_THREAD_CPUTIME_ID) - before);
}

/* Converts [kind, ring or fd, bytes, number]. */
static bool take_step(napi_env env, napi_value value, struct step *s)
{
	napi_value part[4];
	int64_t fd = -1;
	for (uint32_t i = 0; i < 4; i++)
		if (napi_get_element(env, value, i, &part[i]) != napi_ok)
			return false;
	if (!take_u32(env, part[0], "kind", &s->kind) || !take_bytes(env, part[2], "bytes", &s->bytes, &s->length) ||
	    !take_i64(env, part[3], "number", &s->number))
		return false;
	if (s->kind == ENTER)
		return take_ring(env, part[1], &s->ring);
	if (!take_i64(env, part[1], "fd", &fd))
		return false;
	s->fd = (int)fd;
	return true;
}

static bool take_script(napi_env env, napi_value value, struct script *script)
{
	napi_value element;
	if (napi_get_array_length(env, value, &script->count) != napi_ok || script->count > MAX_STEPS) {
		napi_throw_range_error(env, NULL, "steps: expected an array of at most 16");
		return false;
	}
	for (uint32_t i = 0; i < script->count; i++)
		if (napi_get_element(env, value, i, &element) != napi_ok || !take_step(env, element, &script->steps[i]))
			return false;
	return true;
}

/*
 * script(steps, samples): runs the steps in order, once for each sample, which becomes the CPU time of this thread in ns. SQEs are copied
 * to their ring each time; the `user_data` of an SQE is the expected result of its completion. { result, at, cpu, others, copied }:
 * 0, or -errno and the index of the failed step; CPU time over all of this thread and of the other threads of the process (io_uring's
 * workers included), ns; bytes that READ and WRITE moved.
 */
static napi_value script(napi_env env, napi_callback_info info)
{
	napi_value args[2], object;
	struct script script = { 0 };
	void *data;
	size_t length;
	if (!take_args(env, info, 2, args) || !take_script(env, args[0], &script) ||
	    !take_bytes(env, args[1], "samples", &data, &length) || napi_create_object(env, &object) != napi_ok)
		return NULL;
	double *samples = data;
	int64_t result = 0;
	uint64_t process = cpu_time(CLOCK_PROCESS_CPUTIME_ID), thread = cpu_time(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < length / sizeof(*samples) && result >= 0; i++) {
		result = turn(&script);
		samples[i] = (double)result;
	}
	thread = cpu_time(CLOCK_THREAD_CPUTIME_ID) - thread;
	process = cpu_time(CLOCK_PROCESS_CPUTIME_ID) - process;
	set_number(env, object, "cpu", (int64_t)thread);
	set_number(env, object, "others", (int64_t)(process - thread));
	set_number(env, object, "result", result < 0 ? result : 0);
	set_number(env, object, "at", script.at);
	set_number(env, object, "copied", script.copied);
	return object;
}

void export_script(napi_env env, napi_value exports)
{
	export_function(env, exports, "script", script);
}
