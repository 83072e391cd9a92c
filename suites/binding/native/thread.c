/* SPDX-License-Identifier: MIT */
/* Threads: one polls a descriptor for the event loop, another submits and exits. */
#include "ringlab.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

static const napi_type_tag WATCH_TAG = { 0x72696e676c616230, 0x7761746368000002 };

struct watch {
	pthread_t thread;
	int fd; /* a duplicate: when the original is closed, its number may be reused for another file */
	int stop; /* eventfd that ends the thread */
	bool running;
	napi_env env;
	napi_threadsafe_function notify;
};

static void *watch_main(void *data)
{
	struct watch *watch = data;
	struct pollfd files[2] = { { .fd = watch->fd, .events = POLLIN }, { .fd = watch->stop, .events = POLLIN } };
	for (;;) {
		if (poll(files, 2, -1) < 0 && errno != EINTR)
			break;
		if (files[1].revents)
			break;
		if (!files[0].revents)
			continue;
		/* An eventfd is reset by reading and polled again; a pidfd cannot be read and stays readable, so it notifies once. */
		uint64_t count;
		bool reset = read(watch->fd, &count, sizeof(count)) == sizeof(count);
		napi_call_threadsafe_function(watch->notify, NULL, napi_tsfn_nonblocking);
		if (!reset)
			break;
	}
	return NULL;
}

/* Ends the thread and closes the descriptors. Does nothing when repeated. */
static void watch_stop(void *data)
{
	struct watch *watch = data;
	uint64_t one = 1;
	if (!watch->running)
		return;
	watch->running = false;
	if (write(watch->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(watch->thread, NULL);
	napi_release_threadsafe_function(watch->notify, napi_tsfn_abort);
	close(watch->stop);
	close(watch->fd);
}

/* Finalizer of a handle. */
static void watch_gone(napi_env env, void *data, void *hint)
{
	(void)hint;
	struct watch *watch = data;
	if (watch->running)
		napi_remove_env_cleanup_hook(env, watch_stop, watch);
	watch_stop(watch);
	free(watch);
}

/* 0, or -errno with everything closed again. */
static int watch_start(struct watch *watch, int fd)
{
	watch->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (watch->fd < 0)
		return -errno;
	watch->stop = eventfd(0, EFD_CLOEXEC);
	int error = watch->stop < 0 ? errno : pthread_create(&watch->thread, NULL, watch_main, watch);
	if (!error)
		return 0;
	close(watch->fd);
	if (watch->stop >= 0)
		close(watch->stop);
	return -error;
}

/* watch(fd, callback): calls back on the event loop each time the descriptor becomes readable. A handle, or -errno. */
static napi_value watch(napi_env env, napi_callback_info info)
{
	napi_value args[2], name;
	int64_t fd;
	if (!take_args(env, info, 2, args) || !take_i64(env, args[0], "fd", &fd))
		return NULL;
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return make_number(env, -ENOMEM);
	watch->env = env;
	napi_create_string_utf8(env, "ringlab.watch", NAPI_AUTO_LENGTH, &name);
	/* A queue of length 1 merges notices that arrive within one turn of the event loop. */
	if (napi_create_threadsafe_function(env, args[1], NULL, name, 1, 1, NULL, NULL, NULL, NULL, &watch->notify) != napi_ok) {
		free(watch);
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "callback: expected a function");
		return NULL;
	}
	/* A watch must not keep the event loop alive. A wait does, by the timer of its deadline. */
	napi_unref_threadsafe_function(env, watch->notify);
	int error = watch_start(watch, (int)fd);
	if (error) {
		napi_release_threadsafe_function(watch->notify, napi_tsfn_abort);
		free(watch);
		return make_number(env, error);
	}
	watch->running = true;
	napi_add_env_cleanup_hook(env, watch_stop, watch);
	return make_handle(env, watch, &WATCH_TAG, watch_gone);
}

/* unwatch(watch): ends the watch. Does nothing when repeated. */
static napi_value unwatch(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct watch *watch;
	if (!take_args(env, info, 1, args) || !take_handle(env, args[0], &WATCH_TAG, "watch", (void **)&watch))
		return NULL;
	if (watch->running)
		napi_remove_env_cleanup_hook(env, watch_stop, watch);
	watch_stop(watch);
	return NULL;
}

/* A call of io_uring_enter and its result. */
struct enter_call {
	int fd, result;
	uint32_t submit, complete, flags;
};

static void *enter_main(void *data)
{
	struct enter_call *call = data;
	call->result = sys_enter(call->fd, call->submit, call->complete, call->flags, NULL, 0);
	if (call->result < 0)
		call->result = -errno;
	return NULL;
}

/* enterFromThread(ring, submit, complete, flags): io_uring_enter from a new thread, which has exited when this returns. */
static napi_value enter_from_thread(napi_env env, napi_callback_info info)
{
	napi_value args[4];
	struct ring *ring;
	struct enter_call call = { 0 };
	pthread_t thread;
	if (!take_args(env, info, 4, args) || !take_ring(env, args[0], &ring) ||
	    !take_u32(env, args[1], "submit", &call.submit) || !take_u32(env, args[2], "complete", &call.complete) ||
	    !take_u32(env, args[3], "flags", &call.flags))
		return NULL;
	call.fd = ring->fd;
	int error = pthread_create(&thread, NULL, enter_main, &call);
	if (error)
		return make_number(env, -error);
	pthread_join(thread, NULL);
	return make_number(env, call.result);
}

void export_thread(napi_env env, napi_value exports)
{
	export_function(env, exports, "watch", watch);
	export_function(env, exports, "unwatch", unwatch);
	export_function(env, exports, "enterFromThread", enter_from_thread);
}
