// SPDX-License-Identifier: MIT
/* A suite in C that has only its exit code to tell: the one that it is called with, or its own name's. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : strrchr(argv[0], '-') + 1;

	printf("told to end by %s\n", how);
	fflush(stdout);
	if (!strcmp(how, "crash"))
		raise(SIGSEGV);
	return atoi(how);
}
