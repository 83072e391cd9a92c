// SPDX-License-Identifier: MIT
/* PID 1 of the guest: starts Node, mounts file systems, unpacks this boot's keys, sets up network and sshd, then reaps orphans. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void report(const char *what, int error)
{
	if (error)
		dprintf(STDOUT_FILENO, "ringlab init: %s: %s\n", what, strerror(error));
	else
		dprintf(STDOUT_FILENO, "%s\n", what);
}

void tell(const char *format, ...)
{
	/* An alert, which every log level of the console shows. */
	char line[300] = "<1>ringlab: ";
	size_t prefix = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	/* Without its end the kernel holds a line back: it could go on. */
	vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, arguments);
	va_end(arguments);
	strcat(line, "\n");
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (log < 0 || write(log, line, strlen(line)) < 0)
		dprintf(STDOUT_FILENO, "%s", line + strlen("<1>"));
	if (log >= 0)
		close(log);
}

void die(const char *what)
{
	report(what, errno);
	_exit(1);
}

pid_t launch(char *const argv[], int out)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	setsid();
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		die("standard input and output of a program");
	execv(argv[0], argv);
	report(argv[0], errno);
	_exit(127);
}

/* Reaps every process that exits, until `pid` does; returns its status. Never returns for -1. */
static int reap(pid_t pid)
{
	for (;;) {
		int status;
		pid_t exited = wait(&status);

		if (exited < 0)
			pause();
		else if (exited == pid)
			return status;
		else
			process_exited(exited, status);
	}
}

/* The kernel opens no console for init when /dev is empty; the node exists once devtmpfs is mounted. */
static void open_console(void)
{
	int console = open("/dev/console", O_RDWR | O_NOCTTY);

	for (int fd = STDIN_FILENO; console >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(console, fd);
	if (console > STDERR_FILENO)
		close(console);
}

int main(void)
{
	static char *const sshd[] = { "/usr/sbin/dropbear", "-s", "-W", "262144", "-r", "/etc/dropbear/host_key", NULL };

	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	mount_dev();
	open_console();
	/* Node's start is more than half of the time until a suite runs: on another CPU it overlaps with the rest. */
	start_node();
	enlarge_reads();
	mount_overlay();
	mount_all();
	if (sethostname("guest", 5))
		report("sethostname", errno);
	bring_up_network();
	if (unpack_seed("ringlab-seed") == TEMPLATE) {
		become_fork();
		unpack_seed("ringlab-seed");
	}
	/* dropbear forks to the background once it listens. */
	if (reap(launch(sshd, STDOUT_FILENO)))
		die("dropbear failed to start");
	/* The lab logs in when it reads this line on the console (lab/guest/ready.ts). */
	tell("guest is up");
	reap(-1);
}
