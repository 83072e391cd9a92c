/* SPDX-License-Identifier: MIT */
/*
 * Memory without runs of physically adjacent pages. Runs make mapping a buffer cheaper, and how long they are differs between boots.
 */
#include "ringlab.h"
#include <fcntl.h>

#define PAGE ((size_t)4096)
/* Pages allocated to choose from, for each page needed. */
#define CANDIDATES 4

/* Page frame numbers of `count` pages. 0 or -errno. */
static int read_frames(const char *pages, size_t count, uint64_t *frames)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t length = pread(fd, frames, count * sizeof(*frames), (off_t)((uintptr_t)pages / PAGE * sizeof(*frames)));
	int error = length < 0 ? -errno : length < (ssize_t)(count * sizeof(*frames)) ? -EIO : 0;
	close(fd);
	for (size_t i = 0; !error && i < count; i++) {
		frames[i] &= ((uint64_t)1 << 55) - 1;
		/* Without CAP_SYS_ADMIN the kernel shows all frame numbers as 0. */
		if (!frames[i])
			error = -EPERM;
	}
	return error;
}

/* Moves `count` pages of `pool` to `target`, none physically adjacent to the one before. 0, or -ENOMEM: too few such pages. */
static int place(char *target, size_t count, char *pool, const uint64_t *frames)
{
	uint64_t last = 0;
	size_t placed = 0;
	for (size_t i = 0; i < count * CANDIDATES && placed < count; i++) {
		if (frames[i] == last + 1 || frames[i] + 1 == last)
			continue;
		/* DONTUNMAP: a hole in the pool could be reused by another thread's mmap() and then be unmapped with the pool. */
		if (mremap(pool + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			   target + placed * PAGE) == MAP_FAILED)
			return -errno;
		last = frames[i];
		placed++;
	}
	return placed == count ? 0 : -ENOMEM;
}

/* Fills `target` with pages of a temporary pool. 0 or -errno. */
static int fill(char *target, size_t count)
{
	size_t size = count * CANDIDATES * PAGE;
	uint64_t *frames = calloc(count * CANDIDATES, sizeof(*frames));
	char *pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = frames && pool != MAP_FAILED ? 0 : -ENOMEM;
	if (!error) {
		madvise(pool, size, MADV_NOHUGEPAGE);
		memset(pool, 1, size);
		error = read_frames(pool, count * CANDIDATES, frames);
	}
	if (!error)
		error = place(target, count, pool, frames);
	if (pool != MAP_FAILED)
		munmap(pool, size);
	free(frames);
	return error;
}

/* scattered(length): memory of scattered pages as an ArrayBuffer, or -errno: EPERM without the right to read page frame numbers. */
static napi_value scattered(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	uint32_t length;
	if (!take_args(env, info, 1, args) || !take_u32(env, args[0], "length", &length))
		return NULL;
	char *target = reserve(length, PAGE);
	if (target == MAP_FAILED)
		return make_number(env, -errno);
	int error = fill(target, length / PAGE);
	struct mapping *mapping = error ? NULL : mapping_new(target, length);
	if (!mapping) {
		munmap(target, length);
		return make_number(env, error ? error : -ENOMEM);
	}
	mapping->reserved = true;
	napi_value view = mapping_view(env, mapping);
	mapping_put(mapping);
	return view;
}

void export_scatter(napi_env env, napi_value exports)
{
	export_function(env, exports, "scattered", scattered);
}
