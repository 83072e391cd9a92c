/* SPDX-License-Identifier: MIT */
/* The guest's init: one program instead of a script, because under emulation every command of a script costs 10 to 20 ms. */
#ifndef INIT_H
#define INIT_H

#include <sys/types.h>

/* Prints to the console, with errno when `error` is set. */
void say(const char *what, int error);
/* The same, then the kernel's panic "Attempted to kill init": a guest that cannot go on is to be seen. */
_Noreturn void die(const char *what);
/* Starts a program; returns its process, or dies. `out` is its output and errors. */
pid_t launch(char *const argv[], int out);

/* setup.c */
void mount_dev(void);
/* Starts reading a program's code, without waiting for it. */
void read_ahead(const char *program);
void read_more_at_once(void);
void lay_overlay(void);
void mount_all(void);
void bring_up_network(void);

/* seed.c: unpacks the tar archive on the drive with this serial number below /. */
void unpack_seed(const char *serial);

/* waiting.c: the node that waits for a script. */
void start_node(void);
/* Called for every process that has ended. */
void node_ended(pid_t pid, int status);

#endif
