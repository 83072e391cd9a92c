// SPDX-License-Identifier: MIT
/* File systems and network. */
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void mount_one(const char *type, const char *at)
{
	/* The kernel may have mounted /dev; and one of the user's may lack a file system, which is not for init to judge. */
	if (mount(type, at, type, 0, NULL) && errno != ENODEV && errno != EBUSY)
		say(at, errno);
}

void mount_dev(void)
{
	mount_one("devtmpfs", "/dev");
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* Faster where it is possible. */
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		say(path, errno);
	close(fd);
}

/* Node is 86 MB, of which half is read at a start: in larger pieces, with fewer faults. */
void read_ahead(void)
{
	mount_one("sysfs", "/sys");
	mount_one("debugfs", "/sys/kernel/debug");
	put("/sys/kernel/debug/fault_around_bytes", "1048576");
	put("/sys/block/vda/queue/read_ahead_kb", "1024");
}

/* A writable root that is gone with the guest. Processes that have the old root get the new one. */
void lay_overlay(void)
{
	static const char layers[] = "lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work";

	if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL))
		die("mounting a tmpfs");
	if (mkdir("/mnt/upper", 0755) || mkdir("/mnt/work", 0755) || mkdir("/mnt/root", 0755))
		die("folders of the overlay");
	if (mount("overlay", "/mnt/root", "overlay", 0, layers))
		die("mounting the overlay");
	if (chdir("/mnt/root") || syscall(SYS_pivot_root, ".", "mnt") || chroot(".") || chdir("/"))
		die("changing to the overlay");
}

void mount_all(void)
{
	static const struct {
		const char *type, *at;
	} mounts[] = {
		{ "proc", "/proc" },	    { "sysfs", "/sys" }, { "devpts", "/dev/pts" },
		{ "tmpfs", "/dev/shm" },    { "tmpfs", "/tmp" }, { "debugfs", "/sys/kernel/debug" },
	};

	mount_dev();
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		mount_one(mounts[i].type, mounts[i].at);
}

static void configure(int fd, const char *name, const char *address, const char *mask)
{
	struct ifreq request = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	in->sin_family = AF_INET;
	inet_pton(AF_INET, address, &in->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &request))
		die(name);
	inet_pton(AF_INET, mask, &in->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &request))
		die(name);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		die(name);
}

void bring_up_network(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	configure(fd, "lo", "127.0.0.1", "255.0.0.0");
	/* What QEMU's user network forwards to. */
	configure(fd, "eth0", "10.0.2.15", "255.255.255.0");
	close(fd);
}
