// SPDX-License-Identifier: MIT
/* The node that waits for a script, and what becomes of those who ask for it (/usr/lib/ringlab). */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In /dev, which is the same before and after the change of the root. */
#define REQUEST "/dev/node.request"
#define CODE "/dev/node.code"

/* Made by node when it waits. */
#define UP "/dev/node.up"
#define NODE "/usr/bin/node"
#define SNAPSHOT "/usr/lib/ringlab/waiting.blob"
/* Node does not take the snapshot, being on another CPU. */
#define REFUSED 14

static pid_t node;
static bool from_snapshot;

static void launch_node(void)
{
	/* The options are part of the snapshot: recipe.yaml. */
	static char *const quick[] = { NODE, "--no-sparkplug", "--snapshot-blob", SNAPSHOT, NULL };
	static char *const plain[] = { NODE, "/usr/lib/ringlab/waiting.cjs", NULL };

	/* libuv's own use of io_uring is switched off: the rings of the suite are to be the only ones. */
	setenv("UV_USE_IO_URING", "0", 1);
	/* A page fault costs an emulated CPU dearly: half of node's are in its heap, which is to come in large pages. */
	setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=67108864:glibc.malloc.top_pad=33554432", 1);
	node = launch(from_snapshot ? quick : plain, STDOUT_FILENO);
	unsetenv("GLIBC_TUNABLES");
	unsetenv("UV_USE_IO_URING");
}

void start_node(void)
{
	if (access(NODE, X_OK))
		return;
	if (mkfifo(REQUEST, 0600) || mkfifo(CODE, 0600))
		die("the channel to node");
	from_snapshot = !access(SNAPSHOT, R_OK);
	launch_node();
	read_ahead(NODE);
}

/* Opens in a process of its own, since that waits for the other end. */
static void meet(const char *path, int flags, const char *text)
{
	if (fork())
		return;
	int fd = open(path, flags);

	if (fd >= 0 && text)
		dprintf(fd, "%s\n", text);
	_exit(0);
}

void node_ended(pid_t pid, int status)
{
	char code[16];

	if (pid != node || !node)
		return;
	node = 0;
	if (from_snapshot && WIFEXITED(status) && WEXITSTATUS(status) == REFUSED && access(UP, F_OK)) {
		from_snapshot = false;
		launch_node();
		return;
	}
	snprintf(code, sizeof(code), "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	/* Somebody who asks after a failed start must not wait for ever. */
	meet(REQUEST, O_RDONLY, NULL);
	meet(CODE, O_WRONLY, code);
}
