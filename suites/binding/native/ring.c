/* SPDX-License-Identifier: MIT */
/* A ring: setup with any parameters, its memory as ArrayBuffers, and close. */
#include "ringlab.h"

static const napi_type_tag RING_TAG = { 0x72696e676c616230, 0x72696e6700000001 };

/* Closes the descriptors and detaches the views. Does nothing for a closed ring. */
static void ring_close(napi_env env, struct ring *ring)
{
	if (ring->fd < 0)
		return;
	close(ring->fd);
	ring->fd = -1;
	if (ring->notify >= 0)
		close(ring->notify);
	for (int i = 0; i < 2; i++) {
		napi_value view = NULL;
		if (!ring->views[i])
			continue;
		if (napi_get_reference_value(env, ring->views[i], &view) == napi_ok && view)
			napi_detach_arraybuffer(env, view);
		napi_delete_reference(env, ring->views[i]);
	}
	mapping_put(ring->queues);
	mapping_put(ring->sqes);
}

/* Finalizer of a handle. */
static void ring_gone(napi_env env, void *data, void *hint)
{
	(void)hint;
	ring_close(env, data);
	free(data);
}

bool take_ring(napi_env env, napi_value value, struct ring **out)
{
	if (!take_handle(env, value, &RING_TAG, "ring", (void **)out))
		return false;
	if ((*out)->fd >= 0)
		return true;
	napi_throw_error(env, "ERR_RING_CLOSED", "the ring is closed");
	return false;
}

static struct mapping *map_ring(int fd, size_t length, off_t offset)
{
	void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
	if (address == MAP_FAILED)
		return NULL;
	struct mapping *mapping = mapping_new(address, length);
	if (!mapping)
		munmap(address, length);
	return mapping;
}

/* Resolves the offsets of the parameters to addresses. */
static void find_indices(struct ring *ring, const struct io_uring_params *p)
{
	unsigned char *base = ring->queues->address;
	ring->sq_head = (void *)(base + p->sq_off.head);
	ring->sq_tail = (void *)(base + p->sq_off.tail);
	ring->sq_flags = (void *)(base + p->sq_off.flags);
	ring->sq_dropped = (void *)(base + p->sq_off.dropped);
	ring->cq_head = (void *)(base + p->cq_off.head);
	ring->cq_tail = (void *)(base + p->cq_off.tail);
	ring->cq_overflow = (void *)(base + p->cq_off.overflow);
	ring->cqes = base + p->cq_off.cqes;
	/* Offset 0 means IORING_SETUP_NO_SQARRAY. Otherwise entry i of the array is SQE i, unless the script changes it. */
	uint32_t *array = (void *)(base + p->sq_off.array);
	for (uint32_t i = 0; p->sq_off.array && i < p->sq_entries; i++)
		array[i] = i;
}

/* Sets up and maps a ring. 0, or -errno with everything closed again. */
static int ring_set_up(struct ring *ring, uint32_t entries, struct io_uring_params *p)
{
	ring->notify = -1;
	ring->fd = (int)syscall(SYS_io_uring_setup, entries, p);
	if (ring->fd < 0)
		return -errno;
	ring->sq_entries = p->sq_entries;
	ring->cq_entries = p->cq_entries;
	ring->sqe_size = p->flags & IORING_SETUP_SQE128 ? 128 : 64;
	ring->cqe_size = p->flags & IORING_SETUP_CQE32 ? 32 : 16;
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + (size_t)p->cq_entries * ring->cqe_size;
	ring->queues = map_ring(ring->fd, sq > cq ? sq : cq, IORING_OFF_SQ_RING);
	if (ring->queues)
		ring->sqes = map_ring(ring->fd, (size_t)p->sq_entries * ring->sqe_size, IORING_OFF_SQES);
	if (ring->sqes) {
		find_indices(ring, p);
		return 0;
	}
	int error = -errno;
	mapping_put(ring->queues);
	close(ring->fd);
	return error;
}

/* open(entries, params): fills in `params` (struct io_uring_params). { handle, queues, sqes, fd, sqeSize, cqeSize }, or -errno. */
static napi_value ring_open(napi_env env, napi_callback_info info)
{
	napi_value args[2], result, views[2];
	uint32_t entries;
	void *params;
	size_t length;
	if (!take_args(env, info, 2, args) || !take_u32(env, args[0], "entries", &entries) ||
	    !take_bytes(env, args[1], "params", &params, &length))
		return NULL;
	if (length != sizeof(struct io_uring_params)) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "params: expected a struct io_uring_params");
		return NULL;
	}
	struct ring *ring = calloc(1, sizeof(*ring));
	int error = ring ? ring_set_up(ring, entries, params) : -ENOMEM;
	if (error) {
		free(ring);
		return make_number(env, error);
	}
	napi_value handle = make_handle(env, ring, &RING_TAG, ring_gone);
	views[0] = mapping_view(env, ring->queues);
	views[1] = mapping_view(env, ring->sqes);
	if (!handle || !views[0] || !views[1] || napi_create_object(env, &result) != napi_ok)
		return NULL;
	for (int i = 0; i < 2; i++)
		napi_create_reference(env, views[i], 0, &ring->views[i]);
	napi_set_named_property(env, result, "handle", handle);
	napi_set_named_property(env, result, "queues", views[0]);
	napi_set_named_property(env, result, "sqes", views[1]);
	set_number(env, result, "fd", ring->fd);
	set_number(env, result, "sqeSize", ring->sqe_size);
	set_number(env, result, "cqeSize", ring->cqe_size);
	return result;
}

/* close(ring): throws ERR_RING_CLOSED for a closed ring. */
static napi_value close_ring(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct ring *ring;
	if (take_args(env, info, 1, args) && take_ring(env, args[0], &ring))
		ring_close(env, ring);
	return NULL;
}

void export_ring(napi_env env, napi_value exports)
{
	export_function(env, exports, "open", ring_open);
	export_function(env, exports, "close", close_ring);
}
