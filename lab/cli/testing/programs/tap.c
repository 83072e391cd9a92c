// SPDX-License-Identifier: MIT
/* A suite in C that prints TAP: what it finds of the device and the file that it was given. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed;

static void test(int number, const char *name, int good)
{
	printf("%sok %d - %s\n", good ? "" : "not ", number, name);
	failed |= !good;
}

int main(int argc, char **argv)
{
	char text[16] = "";
	int fd;

	printf("TAP version 13\n1..4\n");
	test(1, "it has its arguments", argc == 3);
	fd = open(argv[1], O_RDONLY);
	test(2, "it reads the device", fd >= 0 && read(fd, text, 1) == 1);
	fd = open(argv[2], O_RDONLY);
	test(3, "it has its file", fd >= 0 && read(fd, text, 5) == 5 && !strncmp(text, "hello", 5));
	printf("ok 4 - nothing to do # SKIP on purpose\n");
	return failed;
}
