// SPDX-License-Identifier: MIT
/*
 * A template is a guest that waits before it has keys or drives, so that its memory can become that of many guests (lab/guest/fork).
 * Each of them continues here, when the lab writes a line to its console:
 *
 *	ringlab-fork <wall clock, ns> <controllers> <disks> <namespaces> <32 random bytes, hex>
 */
#define _GNU_SOURCE
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/*
 * Time that drives have to appear in a fork, ms. It is long for a guest that counts instructions, whose clock runs ahead while it waits for
 * the host; the lab's own deadline is shorter for others. Nothing else here may depend on the clock.
 */
#define DRIVES_MS 120000
/* States of controllers do not all have an event: they are looked at this often besides, ms. */
#define LOOK_MS 20

#define ENTROPY 32

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Node, and what it loads, is part of what a template spares its forks. It may end and be started anew without its snapshot. The lab has a
 * deadline for templates.
 */
static void wait_for_node(int (*is_done)(void))
{
	int events = inotify_init1(IN_CLOEXEC);
	struct pollfd poller = { .fd = events, .events = POLLIN };
	char ignored[4096];
	int status;

	if (events < 0 || inotify_add_watch(events, "/dev", IN_CREATE) < 0)
		die("watch of /dev");
	while (!is_done() && node_runs()) {
		if (poll(&poller, 1, LOOK_MS) > 0 && read(events, ignored, sizeof(ignored)) < 0)
			break;
		for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
			process_exited(pid, status);
	}
	close(events);
}

/* The lab's line must not appear on the console. */
static void silence_terminal(struct termios *before)
{
	struct termios silent;

	if (tcgetattr(STDIN_FILENO, before))
		die("console");
	silent = *before;
	silent.c_lflag &= ~ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &silent);
}

static void read_line(char *line, size_t size)
{
	size_t length = 0;

	while (length < size - 1) {
		ssize_t count = read(STDIN_FILENO, line + length, size - 1 - length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			die("console");
		length += count;
		if (line[length - 1] == '\n')
			break;
	}
	line[length] = '\0';
}

/* The clock and the random numbers of a template are those of all its forks. */
static void set_clock(long long ns)
{
	struct timespec now = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	if (clock_settime(CLOCK_REALTIME, &now))
		report("wall clock", errno);
}

static void reseed(const char *hex)
{
	struct {
		struct rand_pool_info info;
		unsigned char bytes[ENTROPY];
	} pool = { .info = { .entropy_count = ENTROPY * 8, .buf_size = ENTROPY } };
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < ENTROPY; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &pool.bytes[i]) != 1)
			die("random bytes of a fork");
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) || ioctl(fd, RNDRESEEDCRNG))
		die("random numbers");
	close(fd);
}

/* Calls `look` with the path of each entry of a folder whose name begins with `prefix`; returns the sum of what it returns. */
static int sum(const char *folder, const char *prefix, int (*look)(const char *path))
{
	DIR *entries = opendir(folder);
	char path[600];
	int total = 0;

	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		total += look ? look(path) : 1;
	}
	if (entries)
		closedir(entries);
	return total;
}

static int is_live(const char *controller)
{
	char path[700], state[16] = "";

	snprintf(path, sizeof(path), "%s/state", controller);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, state, sizeof(state) - 1) < 0)
			state[0] = '\0';
		close(fd);
	}
	return !strcmp(state, "live\n");
}

/* Disks of a controller, those behind a multipath head included. */
static int disks(const char *controller)
{
	return sum(controller, "nvme", NULL);
}

/*
 * A boot waits for its drives before it starts init; a fork's are plugged in when it wakes up, one after another, since each controller
 * is probed in a thread of its own and the first to come is nvme0. The lab plugs in the next when it reads that one is there.
 */
static void wait_for_drives(int events, int controllers, int disk_count, int namespaces)
{
	struct pollfd poller = { .fd = events, .events = POLLIN };
	long deadline = now_ms() + DRIVES_MS;
	char ignored[8192];

	for (int told = 0;;) {
		while (told < sum("/sys/class/nvme", "nvme", NULL))
			tell("controller %d of %d is there", ++told, controllers);
		if (sum("/sys/class/nvme", "nvme", is_live) >= controllers && sum("/sys/class/nvme", "nvme", disks) >= disk_count &&
		    sum("/sys/class/nvme-generic", "ng", NULL) >= namespaces)
			return;
		if (now_ms() > deadline)
			break;
		if (poll(&poller, 1, LOOK_MS) > 0)
			while (recv(events, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
				;
	}
	tell("drives are missing: %d of %d controllers are live", sum("/sys/class/nvme", "nvme", is_live), controllers);
}

static int watch_devices(void)
{
	struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&all, sizeof(all)))
		die("events of devices");
	return fd;
}

void become_fork(void)
{
	struct termios terminal;
	char line[256], hex[2 * ENTROPY + 1] = "";
	int controllers = 0, disk_count = 0, namespaces = 0;
	long long ns = 0;

	wait_for_node(node_is_up);
	if (node_is_up() && preload[0]) {
		load_ahead(preload);
		wait_for_node(node_has_loaded);
	}
	silence_terminal(&terminal);
	int events = watch_devices();

	/* The lab stops the template when it reads this line on the console (lab/guest/fork/make.ts). */
	tell("template is ready");
	read_line(line, sizeof(line));
	if (sscanf(line, "ringlab-fork %lld %d %d %d %64s", &ns, &controllers, &disk_count, &namespaces, hex) != 5)
		die("line of a fork");
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	set_clock(ns);
	reseed(hex);
	wait_for_drives(events, controllers, disk_count, namespaces);
	close(events);
}
