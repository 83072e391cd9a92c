// SPDX-License-Identifier: MIT
/* File systems and network. */
#define _GNU_SOURCE
#include "init.h"

#include <arpa/inet.h>
#include <elf.h>
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

/* How much is read ahead with one call. */
#define CHUNK (1 << 20)

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

void read_ahead(const char *program)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;
	Elf64_Phdr part;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return;
	for (int i = 0; i < header.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), header.e_phoff + i * sizeof(part)) != sizeof(part))
			break;
		/* One call reads no more than the drive takes at once. */
		for (Elf64_Off at = 0; part.p_type == PT_LOAD && part.p_flags & PF_X && at < part.p_filesz; at += CHUNK)
			readahead(fd, part.p_offset + at, CHUNK);
	}
	close(fd);
}

/* Node is 86 MB, of which half is read at a start: in larger pieces, with fewer faults. */
void read_more_at_once(void)
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
