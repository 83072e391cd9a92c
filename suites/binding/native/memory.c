/* SPDX-License-Identifier: MIT */
/* Memory outside the JavaScript heap, and ioctl, which takes such memory. */
#include "ringlab.h"
#include <sys/ioctl.h>

enum { SHARED = 1, HUGETLB = 2, TRANSPARENT = 4, REUSED = 8 };
#define PAGE ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)
#define NO_ACCESS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

struct mapping *mapping_new(void *address, size_t length)
{
	struct mapping *mapping = malloc(sizeof(*mapping));
	if (!mapping)
		return NULL;
	atomic_init(&mapping->refs, 1);
	mapping->address = address;
	mapping->length = length;
	mapping->reserved = false;
	return mapping;
}

void mapping_put(struct mapping *mapping)
{
	if (!mapping || atomic_fetch_sub(&mapping->refs, 1) != 1)
		return;
	/* Frees the pages, but no later mapping gets the address: a request in flight may still have it. */
	if (!mapping->reserved || mmap(mapping->address, mapping->length, PROT_NONE, NO_ACCESS | MAP_FIXED, -1, 0) == MAP_FAILED)
		munmap(mapping->address, mapping->length);
	free(mapping);
}

/* Finalizer of an ArrayBuffer. */
static void view_gone(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)data;
	mapping_put(hint);
}

/* An ArrayBuffer with a reference to the mapping: the memory stays mapped while a script can see it. */
napi_value mapping_view(napi_env env, struct mapping *mapping)
{
	napi_value view;
	atomic_fetch_add(&mapping->refs, 1);
	if (napi_create_external_arraybuffer(env, mapping->address, mapping->length, view_gone, mapping, &view) == napi_ok)
		return view;
	mapping_put(mapping);
	return NULL;
}

/* Address space for `length` bytes, aligned and between pages without access, so that a transfer that overruns them fails. */
void *reserve(size_t length, size_t alignment)
{
	char *room = mmap(NULL, length + alignment + PAGE, PROT_NONE, NO_ACCESS, -1, 0);
	if (room == MAP_FAILED)
		return MAP_FAILED;
	return (char *)(((uintptr_t)room + alignment) & ~(alignment - 1));
}

/* Maps memory of this kind into reserved address space. */
static void *map_reserved(size_t length, uint32_t kind)
{
	int flags = MAP_ANONYMOUS | (kind & SHARED ? MAP_SHARED : MAP_PRIVATE) | (kind & HUGETLB ? MAP_HUGETLB : 0);
	if (kind & REUSED)
		return mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
	void *start = reserve(length, kind & (HUGETLB | TRANSPARENT) ? HUGE_PAGE : PAGE);
	if (start == MAP_FAILED)
		return MAP_FAILED;
	void *address = mmap(start, length, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	if (address != MAP_FAILED && kind & TRANSPARENT)
		madvise(address, length, MADV_HUGEPAGE);
	return address;
}

/* The result of mmap() as an ArrayBuffer, or -errno when it failed. Owns the memory in either case. `reserved`: see struct mapping. */
static napi_value view_of(napi_env env, void *address, size_t length, bool reserved)
{
	if (address == MAP_FAILED)
		return make_number(env, -errno);
	struct mapping *mapping = mapping_new(address, length);
	if (!mapping) {
		munmap(address, length);
		return make_number(env, -ENOMEM);
	}
	mapping->reserved = reserved;
	napi_value view = mapping_view(env, mapping);
	mapping_put(mapping);
	return view;
}

/* allocate(length, kind): page-aligned zeroed memory as an ArrayBuffer, or -errno. `length` must be a multiple of the page size. */
static napi_value allocate(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	uint32_t length, kind;
	if (!take_args(env, info, 2, args) || !take_u32(env, args[0], "length", &length) ||
	    !take_u32(env, args[1], "kind", &kind))
		return NULL;
	return view_of(env, map_reserved(length, kind), length, !(kind & REUSED));
}

/* mapFile(fd, offset, length): a read-only shared mapping of part of a file as an ArrayBuffer, or -errno. */
static napi_value map_file(napi_env env, napi_callback_info info)
{
	napi_value args[3];
	int64_t fd, offset;
	uint32_t length;
	if (!take_args(env, info, 3, args) || !take_i64(env, args[0], "fd", &fd) ||
	    !take_i64(env, args[1], "offset", &offset) || !take_u32(env, args[2], "length", &length))
		return NULL;
	void *address = mmap(NULL, length, PROT_READ, MAP_SHARED | MAP_POPULATE, (int)fd, offset);
	return view_of(env, address, length, false);
}

/* address(bytes): address of the first byte, as a bigint. */
static napi_value address(napi_env env, napi_callback_info info)
{
	napi_value args[1], result = NULL;
	void *data;
	size_t length;
	if (!take_args(env, info, 1, args) || !take_bytes(env, args[0], "bytes", &data, &length))
		return NULL;
	napi_create_bigint_uint64(env, (uint64_t)(uintptr_t)data, &result);
	return result;
}

/* release(arrayBuffer): detaches the memory now instead of at garbage collection. */
static napi_value release(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	if (!take_args(env, info, 1, args))
		return NULL;
	if (napi_detach_arraybuffer(env, args[0]) != napi_ok)
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "arrayBuffer: expected memory of this addon");
	return NULL;
}

/* ioctl(fd, request, argument): the result or -errno. Blocks as long as the call does. */
static napi_value control(napi_env env, napi_callback_info info)
{
	napi_value args[3];
	int64_t fd, request;
	void *data;
	size_t length;
	if (!take_args(env, info, 3, args) || !take_i64(env, args[0], "fd", &fd) ||
	    !take_i64(env, args[1], "request", &request) || !take_bytes(env, args[2], "argument", &data, &length))
		return NULL;
	int result = ioctl((int)fd, (unsigned long)request, data);
	return make_number(env, result < 0 ? -errno : result);
}

void export_memory(napi_env env, napi_value exports)
{
	export_function(env, exports, "allocate", allocate);
	export_function(env, exports, "mapFile", map_file);
	export_function(env, exports, "address", address);
	export_function(env, exports, "release", release);
	export_function(env, exports, "ioctl", control);
}
