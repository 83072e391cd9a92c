// SPDX-License-Identifier: MIT
/* PID 1 of the guest: file systems, keys of this boot, network, sshd, a node that waits; then it reaps. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void say(const char *what, int error)
{
	if (error)
		dprintf(STDOUT_FILENO, "ringlab init: %s: %s\n", what, strerror(error));
	else
		dprintf(STDOUT_FILENO, "%s\n", what);
}

void die(const char *what)
{
	say(what, errno);
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
		die("the standard channels of a program");
	execv(argv[0], argv);
	say(argv[0], errno);
	_exit(127);
}

/* The parent of every orphan: whoever ends is taken note of until `until` has ended. */
static int reap(pid_t until)
{
	for (;;) {
		int status;
		pid_t pid = wait(&status);

		if (pid < 0)
			pause();
		else if (pid == until)
			return status;
		else
			node_ended(pid, status);
	}
}

/* The kernel gives init no console when /dev is empty: it comes with the mount. */
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

	setenv("PATH", "/sbin:/usr/sbin:/bin:/usr/bin", 1);
	setenv("HOME", "/root", 1);
	mount_dev();
	open_console();
	/* Starting node is more than half of what a suite waits for: it happens on another CPU meanwhile. */
	start_node();
	read_more_at_once();
	lay_overlay();
	mount_all();
	if (sethostname("guest", 5))
		say("host name", errno);
	unpack_seed("ringlab-seed");
	bring_up_network();
	/* It goes to the background when it listens. */
	if (reap(launch(sshd, STDOUT_FILENO)))
		die("dropbear has failed");
	/* The lab connects when it reads this line on the console (lab/guest/greet.ts). */
	say("ringlab: guest is up", 0);
	reap(-1);
}
