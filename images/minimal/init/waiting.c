// SPDX-License-Identifier: MIT
/* The node that waits for a script, and what becomes of those who ask for it (/usr/lib/ringlab). */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In /dev, which is the same before and after the change of the root. */
#define REQUEST "/dev/node.request"
#define CODE "/dev/node.code"

static pid_t node;

void start_node(void)
{
	static char *const argv[] = { "/usr/bin/node", "/usr/lib/ringlab/waiting.cjs", NULL };

	if (access(argv[0], X_OK))
		return;
	if (mkfifo(REQUEST, 0600) || mkfifo(CODE, 0600))
		die("the channel to node");
	/* libuv's own use of io_uring is switched off: the rings of the suite are to be the only ones. */
	setenv("UV_USE_IO_URING", "0", 1);
	node = launch(argv, STDOUT_FILENO);
	unsetenv("UV_USE_IO_URING");
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
	snprintf(code, sizeof(code), "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	/* Somebody who asks after a failed start must not wait for ever. */
	meet(REQUEST, O_RDONLY, NULL);
	meet(CODE, O_WRONLY, code);
}
