// SPDX-License-Identifier: MIT
/* Starts Node before it is needed and reports its exit code to the process that hands it a script (/usr/lib/ringlab/node). */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* FIFOs in /dev, the one file system that is the same before and after the change of root. */
#define REQUEST "/dev/node.request"
#define CODE "/dev/node.code"

/* Created by Node when it waits for a script. */
#define UP "/dev/node.up"
/* Created by Node when it has loaded a script ahead. */
#define LOADED "/dev/node.loaded"
#define NODE "/usr/bin/node"
#define SNAPSHOT "/usr/lib/ringlab/waiting.blob"
/* Exit code of Node when it rejects the snapshot, which was built for another CPU. */
#define SNAPSHOT_REJECTED 14

static pid_t node;
static bool from_snapshot;

static void launch_node(void)
{
	/* The same options as when the snapshot was built (recipe.yaml): Node rejects it otherwise. */
	static char *const with_snapshot[] = { NODE, "--no-sparkplug", "--snapshot-blob", SNAPSHOT, NULL };
	static char *const without_snapshot[] = { NODE, "/usr/lib/ringlab/waiting.cjs", NULL };

	/* libuv must not use io_uring itself: the rings of the suite are the only ones in the guest. */
	setenv("UV_USE_IO_URING", "0", 1);
	/* Page faults are expensive under emulation, and half of Node's are in its heap: huge pages make them few. */
	setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=67108864:glibc.malloc.top_pad=33554432", 1);
	node = launch(from_snapshot ? with_snapshot : without_snapshot, STDOUT_FILENO);
	unsetenv("GLIBC_TUNABLES");
	unsetenv("UV_USE_IO_URING");
}

void start_node(void)
{
	if (access(NODE, X_OK))
		return;
	if (mkfifo(REQUEST, 0600) || mkfifo(CODE, 0600))
		die("FIFOs of Node");
	from_snapshot = !access(SNAPSHOT, R_OK);
	launch_node();
	read_ahead(NODE);
}

int node_runs(void)
{
	return node != 0;
}

int node_is_up(void)
{
	return !access(UP, F_OK);
}

int node_has_loaded(void)
{
	return !access(LOADED, F_OK);
}

void load_ahead(const char *script)
{
	/* Blocks until Node reads. */
	int fd = open(REQUEST, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die(REQUEST);
	dprintf(fd, "load %s\n", script);
	close(fd);
}

/*
 * Opens a FIFO in a child, which blocks until the other end is open, and writes `text`, or reads all if there is none: the caller's
 * write needs a reader, or SIGPIPE ends it.
 */
static void open_in_child(const char *path, int flags, const char *text)
{
	if (fork())
		return;
	int fd = open(path, flags);
	char rest[16];

	if (fd >= 0 && text)
		dprintf(fd, "%s\n", text);
	else
		while (fd >= 0 && read(fd, rest, sizeof(rest)) > 0)
			;
	_exit(0);
}

void process_exited(pid_t pid, int status)
{
	char code[16];

	if (pid != node || !node)
		return;
	node = 0;
	if (from_snapshot && WIFEXITED(status) && WEXITSTATUS(status) == SNAPSHOT_REJECTED && !node_is_up()) {
		from_snapshot = false;
		launch_node();
		return;
	}
	snprintf(code, sizeof(code), "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	/* Also without a request: a caller that comes after a failed start must not block on the FIFOs. */
	open_in_child(REQUEST, O_RDONLY, NULL);
	open_in_child(CODE, O_WRONLY, code);
}
