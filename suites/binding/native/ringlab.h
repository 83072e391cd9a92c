/* SPDX-License-Identifier: MIT */
/* Declarations shared by the parts of the addon. Exports return a result >= 0 or -errno; they throw only for wrong arguments. */
#ifndef RINGLAB_H
#define RINGLAB_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NAPI_VERSION 9
#include <errno.h>
#include <linux/io_uring.h>
#include <node_api.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Memory that a script may see: unmapped when its last holder (ring, ArrayBuffer) is gone. */
struct mapping {
	atomic_int refs;
	void *address;
	size_t length;
	bool reserved; /* its address space stays reserved for ever */
};

struct ring {
	int fd; /* -1: closed */
	int notify; /* eventfd that is registered with the ring, or -1 */
	uint32_t sq_entries, cq_entries, sqe_size, cqe_size;
	_Atomic uint32_t *sq_head, *sq_tail, *cq_head, *cq_tail, *sq_flags, *cq_overflow, *sq_dropped;
	unsigned char *cqes;
	struct mapping *queues, *sqes;
	napi_ref views[2]; /* weak: the ArrayBuffers over `queues` and `sqes` */
};

/* args.c: conversion of arguments. On a wrong argument each take_ function throws a TypeError that names it, and returns false. */
bool take_args(napi_env env, napi_callback_info info, size_t count, napi_value *values);
bool take_u32(napi_env env, napi_value value, const char *name, uint32_t *out);
bool take_i64(napi_env env, napi_value value, const char *name, int64_t *out);
bool take_bytes(napi_env env, napi_value value, const char *name, void **data, size_t *length);
bool take_handle(napi_env env, napi_value value, const napi_type_tag *tag, const char *name, void **out);
napi_value make_handle(napi_env env, void *data, const napi_type_tag *tag, napi_finalize finalize);
napi_value make_number(napi_env env, int64_t value);
void set_number(napi_env env, napi_value object, const char *name, int64_t value);
void export_function(napi_env env, napi_value exports, const char *name, napi_callback function);

/* memory.c */
void mapping_put(struct mapping *mapping);
napi_value mapping_view(napi_env env, struct mapping *mapping);
struct mapping *mapping_new(void *address, size_t length);
void *reserve(size_t length, size_t alignment);

/* ring.c: take_ring() also throws ERR_RING_CLOSED for a closed ring. */
bool take_ring(napi_env env, napi_value value, struct ring **out);

static inline int sys_enter(int fd, uint32_t submit, uint32_t complete, uint32_t flags, void *arg, size_t size)
{
	return (int)syscall(SYS_io_uring_enter, fd, submit, complete, flags, arg, size);
}

/* The CQE at `index`, a free-running index as head and tail are. */
static inline const struct io_uring_cqe *cqe_at(const struct ring *ring, uint32_t index)
{
	return (void *)(ring->cqes + (size_t)(index & (ring->cq_entries - 1)) * ring->cqe_size);
}

/* measure.c: waits until `count` completions are posted, without consuming them. 0 or -errno. */
int await_cqes(struct ring *ring, uint32_t count);

/* Time of a CPU-time clock, ns. */
static inline uint64_t cpu_time(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Each part adds its functions to the exports of the module. */
void export_memory(napi_env env, napi_value exports);
void export_ring(napi_env env, napi_value exports);
void export_queue(napi_env env, napi_value exports);
void export_thread(napi_env env, napi_value exports);
void export_child(napi_env env, napi_value exports);
void export_measure(napi_env env, napi_value exports);
void export_drive(napi_env env, napi_value exports);
void export_scatter(napi_env env, napi_value exports);
void export_script(napi_env env, napi_value exports);
void export_flip(napi_env env, napi_value exports);

#endif
