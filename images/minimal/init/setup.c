// SPDX-License-Identifier: MIT
/* Mounts file systems and configures the network. */
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

/* Bytes of one readahead(2) call: the kernel cuts it to what the drive reads at once (force_page_cache_ra, mm/readahead.c). */
#define CHUNK (1 << 20)

static void mount_type(const char *type, const char *at)
{
	/* EBUSY: the kernel has mounted /dev already. ENODEV, ENOENT: a kernel under test may lack the file system, and with it its folder. */
	if (mount(type, at, type, 0, NULL) && errno != ENODEV && errno != ENOENT && errno != EBUSY)
		report(at, errno);
}

void mount_dev(void)
{
	mount_type("devtmpfs", "/dev");
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* Only an optimisation: a kernel without debugfs or this attribute boots more slowly. */
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		report(path, errno);
	close(fd);
}

void read_ahead(const char *program)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return;
	for (int i = 0; i < header.e_phnum; i++) {
		if (pread(fd, &segment, sizeof(segment), header.e_phoff + i * sizeof(segment)) != sizeof(segment))
			break;
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
			continue;
		for (Elf64_Off done = 0; done < segment.p_filesz; done += CHUNK)
			readahead(fd, segment.p_offset + done, CHUNK);
	}
	close(fd);
}

/* Node is 86 MB, half of which its start reads: larger reads mean fewer page faults and fewer requests. */
void enlarge_reads(void)
{
	mount_type("sysfs", "/sys");
	mount_type("debugfs", "/sys/kernel/debug");
	write_file("/sys/kernel/debug/fault_around_bytes", "1048576");
	write_file("/sys/block/vda/queue/read_ahead_kb", "1024");
}

/* pivot_root moves Node too: it changes the root of every process that has the old one. */
void mount_overlay(void)
{
	static const char layers[] = "lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work";

	if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL))
		die("mount of the overlay's tmpfs");
	if (mkdir("/mnt/upper", 0755) || mkdir("/mnt/work", 0755) || mkdir("/mnt/root", 0755))
		die("folders of the overlay");
	if (mount("overlay", "/mnt/root", "overlay", 0, layers))
		die("mount of the overlay");
	/* The old root on top of the new one, then away, as pivot_root(2) has it: /mnt is the guest's own, and /proc/mounts names one root. */
	if (chdir("/mnt/root") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chroot(".") || chdir("/"))
		die("change of root to the overlay");
}

void mount_all(void)
{
	static const struct {
		const char *type, *at;
	} mounts[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devpts", "/dev/pts" },
		{ "tmpfs", "/dev/shm" },
		{ "mqueue", "/dev/mqueue" },
		{ "tmpfs", "/tmp" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tracefs", "/sys/kernel/tracing" },
		{ "configfs", "/sys/kernel/config" },
		{ "cgroup2", "/sys/fs/cgroup" },
		{ "bpf", "/sys/fs/bpf" },
	};
	/* devtmpfs has devices only. */
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};

	mount_dev();
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	mkdir("/dev/mqueue", 01777);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		mount_type(mounts[i].type, mounts[i].at);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			report(links[i][1], errno);
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
	/* The guest's address in QEMU's user network, to which ports are forwarded. */
	configure(fd, "eth0", "10.0.2.15", "255.255.255.0");
	close(fd);
}
