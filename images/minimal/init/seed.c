// SPDX-License-Identifier: MIT
/* Unpacks this boot's SSH keys: a tar archive (ustar) on a drive (lab/guest/seed.ts). */
#include "init.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512
/* The last member of a template's archive: the path of a script for Node to load. */
#define TEMPLATE_MEMBER "ringlab.template"

char preload[BLOCK];

/* Header of an archive member; `rest` has the fields that are not used. */
struct member {
	char name[100], mode[8], ids[16], size[12], rest[376];
};

static int has_serial(const char *disk, const char *serial)
{
	char path[300], value[64] = "";

	snprintf(path, sizeof(path), "/sys/block/%s/serial", disk);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ssize_t length = read(fd, value, sizeof(value) - 1);

	close(fd);
	return length > 0 && !strcspn(value + strlen(serial), "\n") && !strncmp(value, serial, strlen(serial));
}

static int open_disk(const char *serial)
{
	DIR *disks = opendir("/sys/block");
	char path[300] = "";

	for (struct dirent *disk; disks && (disk = readdir(disks));)
		if (!strncmp(disk->d_name, "vd", 2) && has_serial(disk->d_name, serial))
			snprintf(path, sizeof(path), "/dev/%s", disk->d_name);
	if (disks)
		closedir(disks);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void make_parents(const char *path)
{
	char parent[160];

	for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		mkdir(parent, 0755);
	}
}

/* Copies `size` bytes, reading whole blocks: a member is padded to a multiple of BLOCK. */
static void copy(int from, int to, size_t size)
{
	char block[BLOCK];

	for (size_t left = size; left > 0;) {
		size_t count = left < BLOCK ? left : BLOCK;

		if (read(from, block, BLOCK) != BLOCK)
			die("read of the key archive: short");
		if (write(to, block, count) != (ssize_t)count)
			die("write of a file from the key archive");
		left -= count;
	}
}

enum seed unpack_seed(const char *serial)
{
	struct member member;
	int disk = open_disk(serial);

	if (disk < 0)
		die("drive with the key archive");
	/* A fork has another drive than its template, whose first blocks may be in memory. */
	ioctl(disk, BLKFLSBUF, 0);
	/* The archive ends with a block of zeroes, so with an empty name. */
	while (read(disk, &member, sizeof(member)) == sizeof(member) && member.name[0]) {
		char path[102];

		if (!strcmp(member.name, TEMPLATE_MEMBER)) {
			size_t size = strtoul(member.size, NULL, 8);

			if (read(disk, preload, sizeof(preload)) < 0 || size >= sizeof(preload))
				size = 0;
			preload[size] = '\0';
			close(disk);
			return TEMPLATE;
		}
		snprintf(path, sizeof(path), "/%.*s", (int)sizeof(member.name), member.name);
		make_parents(path);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, strtol(member.mode, NULL, 8) & 0777);

		if (fd < 0)
			die(path);
		copy(disk, fd, strtoul(member.size, NULL, 8));
		close(fd);
	}
	close(disk);
	return KEYS;
}
