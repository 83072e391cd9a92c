/* SPDX-License-Identifier: MIT */
/* A thread that rewrites bytes of a ring's SQEs without a pause, while another thread submits them. */
#include "ringlab.h"
#include <pthread.h>
#include <sched.h>

static const napi_type_tag FLIPPER_TAG = { 0x72696e676c616230, 0x666c697070650003 };

struct flipper {
	pthread_t thread;
	struct mapping *sqes; /* held, so that the memory outlives its ring */
	atomic_bool stop;
	_Atomic uint64_t flips; /* values written to all places */
	bool running;
	uint32_t place_count, value_count;
	uint32_t *places; /* offsets in the SQEs */
	unsigned char *values;
};

static void *flipper_main(void *data)
{
	struct flipper *f = data;
	_Atomic unsigned char *bytes = f->sqes->address;
	struct sched_param none = { 0 };
	/* On a CPU that another thread wants this one gives way at once: it must slow nothing down where CPUs are few. */
	pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
	while (!atomic_load_explicit(&f->stop, memory_order_relaxed)) {
		for (uint32_t v = 0; v < f->value_count; v++)
			for (uint32_t p = 0; p < f->place_count; p++)
				atomic_store_explicit(&bytes[f->places[p]], f->values[v], memory_order_relaxed);
		atomic_fetch_add_explicit(&f->flips, f->value_count, memory_order_relaxed);
	}
	return NULL;
}

/* Ends the thread and lets go of the SQEs. Does nothing when repeated. */
static void flipper_stop(void *data)
{
	struct flipper *f = data;
	if (!f->running)
		return;
	f->running = false;
	atomic_store_explicit(&f->stop, true, memory_order_relaxed);
	pthread_join(f->thread, NULL);
	mapping_put(f->sqes);
	f->sqes = NULL;
}

static void flipper_free(struct flipper *f)
{
	mapping_put(f->sqes);
	free(f->places);
	free(f->values);
	free(f);
}

/* Finalizer of a handle. */
static void flipper_gone(napi_env env, void *data, void *hint)
{
	(void)hint;
	struct flipper *f = data;
	if (f->running)
		napi_remove_env_cleanup_hook(env, flipper_stop, f);
	flipper_stop(f);
	flipper_free(f);
}

/* A copy of the bytes, NULL without memory. */
static void *copy_of(const void *data, size_t length)
{
	void *copy = malloc(length);
	return copy ? memcpy(copy, data, length) : NULL;
}

/* Whether all places are inside the SQEs. */
static bool places_inside(const struct flipper *f)
{
	for (uint32_t i = 0; i < f->place_count; i++)
		if (f->places[i] >= f->sqes->length)
			return false;
	return true;
}

/* 0 or -errno. */
static int flipper_start(struct flipper *f)
{
	if (!f->places || !f->values)
		return -ENOMEM;
	if (!places_inside(f))
		return -EINVAL;
	return -pthread_create(&f->thread, NULL, flipper_main, f);
}

/*
 * flip(ring, places, values): starts a thread that writes each of the `values` (bytes) in turn to all `places` (uint32_t[], offsets in the
 * ring's SQEs). A handle, or -errno.
 */
static napi_value flip(napi_env env, napi_callback_info info)
{
	napi_value args[3];
	struct ring *ring;
	void *places, *values;
	size_t places_size, values_size;
	if (!take_args(env, info, 3, args) || !take_ring(env, args[0], &ring) ||
	    !take_bytes(env, args[1], "places", &places, &places_size) ||
	    !take_bytes(env, args[2], "values", &values, &values_size))
		return NULL;
	struct flipper *f = calloc(1, sizeof(*f));
	if (!f)
		return make_number(env, -ENOMEM);
	f->sqes = ring->sqes;
	atomic_fetch_add(&f->sqes->refs, 1);
	f->place_count = (uint32_t)(places_size / sizeof(*f->places));
	f->value_count = (uint32_t)values_size;
	f->places = copy_of(places, places_size);
	f->values = copy_of(values, values_size);
	int error = flipper_start(f);
	if (error) {
		flipper_free(f);
		return make_number(env, error);
	}
	f->running = true;
	napi_add_env_cleanup_hook(env, flipper_stop, f);
	return make_handle(env, f, &FLIPPER_TAG, flipper_gone);
}

/* flips(flipper): how often all places have been written so far. */
static napi_value flips(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct flipper *f;
	if (!take_args(env, info, 1, args) || !take_handle(env, args[0], &FLIPPER_TAG, "flipper", (void **)&f))
		return NULL;
	return make_number(env, (int64_t)atomic_load_explicit(&f->flips, memory_order_relaxed));
}

/* unflip(flipper): ends the thread. Does nothing when repeated. */
static napi_value unflip(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct flipper *f;
	if (!take_args(env, info, 1, args) || !take_handle(env, args[0], &FLIPPER_TAG, "flipper", (void **)&f))
		return NULL;
	if (f->running)
		napi_remove_env_cleanup_hook(env, flipper_stop, f);
	flipper_stop(f);
	return NULL;
}

void export_flip(napi_env env, napi_value exports)
{
	export_function(env, exports, "flip", flip);
	export_function(env, exports, "flips", flips);
	export_function(env, exports, "unflip", unflip);
}
