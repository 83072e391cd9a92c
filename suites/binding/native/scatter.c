/* SPDX-License-Identifier: MIT */
/* Memory whose pages are not neighbours in physical memory: runs of them make every mapping cheaper, by how many ran together. */
#include "ringlab.h"
#include <fcntl.h>

#define PAGE ((size_t)4096)
/* Pages to choose from, for each one wanted. */
#define CHOICE 4

static int read_frames(const char *pages, size_t count, uint64_t *frames)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = pread(fd, frames, count * sizeof(*frames), (off_t)((uintptr_t)pages / PAGE * sizeof(*frames)));
	int error = got < 0 ? -errno : got < (ssize_t)(count * sizeof(*frames)) ? -EIO : 0;
	close(fd);
	for (size_t i = 0; !error && i < count; i++) {
		frames[i] &= ((uint64_t)1 << 55) - 1;
		/* Frame numbers are for root only. */
		if (!frames[i])
			error = -EPERM;
	}
	return error;
}

/* Moves `wanted` pages of `pool` to `target`, no two neighbours there next to each other in physical memory. */
static int place(char *target, size_t wanted, char *pool, const uint64_t *frames)
{
	uint64_t last = 0;
	size_t placed = 0;
	for (size_t i = 0; i < wanted * CHOICE && placed < wanted; i++) {
		if (frames[i] == last + 1 || frames[i] + 1 == last)
			continue;
		/* No hole is left, which another thread might map something into. */
		if (mremap(pool + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			   target + placed * PAGE) == MAP_FAILED)
			return -errno;
		last = frames[i];
		placed++;
	}
	return placed == wanted ? 0 : -ENOMEM;
}

static int fill(char *target, size_t wanted)
{
	size_t size = wanted * CHOICE * PAGE;
	uint64_t *frames = calloc(wanted * CHOICE, sizeof(*frames));
	char *pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = frames && pool != MAP_FAILED ? 0 : -ENOMEM;
	if (!error) {
		madvise(pool, size, MADV_NOHUGEPAGE);
		memset(pool, 1, size);
		error = read_frames(pool, wanted * CHOICE, frames);
	}
	if (!error)
		error = place(target, wanted, pool, frames);
	if (pool != MAP_FAILED)
		munmap(pool, size);
	free(frames);
	return error;
}

/* scattered(length): as allocate, of scattered pages; -EPERM without the right to see where pages are. */
static napi_value scattered(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	uint32_t length;
	if (!take_args(env, info, 1, args) || !take_u32(env, args[0], "length", &length))
		return NULL;
	char *target = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (target == MAP_FAILED)
		return make_number(env, -errno);
	int error = fill(target, length / PAGE);
	struct mapping *mapping = error ? NULL : mapping_new(target, length);
	if (!mapping) {
		munmap(target, length);
		return make_number(env, error ? error : -ENOMEM);
	}
	napi_value view = mapping_view(env, mapping);
	mapping_put(mapping);
	return view;
}

void export_scatter(napi_env env, napi_value exports)
{
	export_function(env, exports, "scattered", scattered);
}
