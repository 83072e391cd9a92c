/* SPDX-License-Identifier: MIT */
/* The guest's init: a program and not a script, because under emulation each command of a script costs 10 to 20 ms. */
#ifndef INIT_H
#define INIT_H

#include <sys/types.h>

/* Prints a line to the console, with the text of `error` if it is not 0. */
void report(const char *what, int error);
/*
 * Prints a line for the lab (lab/guest/init-lines.ts), `ringlab: ` and the text, by the kernel's log: what is written to the console may be split by
 * a message of the kernel.
 */
__attribute__((format(printf, 1, 2))) void tell(const char *format, ...);
/* Reports errno and exits, so that the kernel panics ("Attempted to kill init") and the lab sees that the guest failed to boot. */
_Noreturn void die(const char *what);
/* Starts a program with `out` as its standard output and error. Returns its process ID; dies when fork fails. */
pid_t launch(char *const argv[], int out);

/* setup.c */
void mount_dev(void);
/* Starts to read a program's code into the page cache, without waiting. */
void read_ahead(const char *program);
/* Makes page faults and reads of the root drive fetch 1 MiB at a time. */
void enlarge_reads(void);
/* Makes an overlay the root: writable, and discarded with the guest. */
void mount_overlay(void);
void mount_all(void);
void bring_up_network(void);

/* seed.c: unpacks the tar archive on the drive with this serial number below /, unless it says that this guest is a template. */
enum seed { KEYS, TEMPLATE } unpack_seed(const char *serial);
/* Of a template: the script that Node is to load ahead of its forks, or empty. */
extern char preload[];

/* fork.c: waits to become another guest, with a clock, random numbers and drives of its own. */
void become_fork(void);

/* waiting.c: starts the Node process that waits for the first script. */
void start_node(void);
/* Whether the process that init has started has not ended. */
int node_runs(void);
/* Whether Node waits for a script. */
int node_is_up(void);
/* Lets Node load a script ahead of its request; it has when node_has_loaded() says so. */
void load_ahead(const char *script);
int node_has_loaded(void);
/* Handles the exit of a process that init has reaped: only that of Node needs work. */
void process_exited(pid_t pid, int status);

#endif
