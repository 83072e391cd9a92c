// SPDX-License-Identifier: MIT
/* A self-test as the kernel's are written: results on standard output, assertions on standard error. "skip" as argument or in its name: lacks something. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : strrchr(argv[0], '-') + 1;

	if (!strcmp(how, "skip")) {
		fprintf(stderr, "SKIP: this kernel has no such ring\n");
		return 77;
	}
	printf("TAP version 13\n1..3\nok 1 opens\n");
	fflush(stdout);
	fprintf(stderr, "# ring.c:%d: expected 16 entries, got 15\n", __LINE__);
	printf("not ok 2 resizes\nok 3 closes\n");
	return 1;
}
