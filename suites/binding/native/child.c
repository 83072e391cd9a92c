/* SPDX-License-Identifier: MIT */
/*
 * Children forked without exec: to be killed with commands in flight, or to act as another user. Since the parent has threads, only
 * async-signal-safe calls are allowed after fork: the child makes system calls and uses memory that the parent prepared.
 */
#include "ringlab.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { FIRST_FD = 3, FD_LIMIT = 1024 };

/* A call of io_uring_register before the submission. */
struct registration {
	uint32_t opcode, offset, count; /* the argument begins at `offset` of `arguments` */
};

struct victim {
	struct io_uring_params params;
	uint32_t entries, count, wait_for;
	const unsigned char *sqes; /* `count` SQEs of the ring's SQE size */
	const struct registration *registrations;
	uint32_t registration_count;
	const unsigned char *arguments; /* memory of the registrations' arguments */
	const unsigned char *keep; /* keep[fd] != 0: leave fd open */
	int64_t uid; /* -1: the user of this process */
	int report;
};

/* Changes to the user and ties the child's life to the parent's thread. Exits with 111 when that fails. */
static void become(int64_t uid)
{
	/* The raw calls change only the calling thread, which is the child's only one. */
	if (uid >= 0 && (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, uid, uid, uid) ||
			 syscall(SYS_setresuid, uid, uid, uid)))
		_exit(111);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Maps the ring, registers and submits. The SQEs taken, or -errno. */
static int submit_all(int fd, const struct victim *v)
{
	const struct io_uring_params *p = &v->params;
	uint32_t sqe_size = p->flags & IORING_SETUP_SQE128 ? 128 : 64;
	size_t size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	char *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	char *sqes = mmap(NULL, (size_t)p->sq_entries * sqe_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	if (queue == MAP_FAILED || sqes == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < v->registration_count; i++) {
		const struct registration *r = &v->registrations[i];
		if (syscall(SYS_io_uring_register, fd, r->opcode, v->arguments + r->offset, r->count) < 0)
			return -errno;
	}
	memcpy(sqes, v->sqes, (size_t)v->count * sqe_size);
	uint32_t *array = (void *)(queue + p->sq_off.array);
	for (uint32_t i = 0; p->sq_off.array && i < v->count; i++)
		array[i] = i;
	atomic_store_explicit((_Atomic uint32_t *)(queue + p->sq_off.tail), v->count, memory_order_release);
	int result = sys_enter(fd, v->count, 0, 0, NULL, 0);
	return result < 0 ? -errno : result;
}

/* Waits for the completions, writes the raw CQEs to the parent and exits. */
static void report_cqes(int fd, const struct victim *v)
{
	const struct io_uring_params *p = &v->params;
	uint32_t cqe_size = p->flags & IORING_SETUP_CQE32 ? 32 : 16;
	size_t size = p->cq_off.cqes + (size_t)p->cq_entries * cqe_size;
	char *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	if (queue == MAP_FAILED)
		_exit(112);
	while (sys_enter(fd, 0, v->wait_for, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		if (errno != EINTR)
			_exit(113);
	if (write(v->report, queue + p->cq_off.cqes, (size_t)v->wait_for * cqe_size) < 0)
		_exit(114);
	_exit(0);
}

/* The child. Exit codes: 110 failed before or at submission, 112 to 114 in report_cqes(), see there. */
static void victim_main(struct victim *v)
{
	for (int fd = FIRST_FD; fd < FD_LIMIT; fd++)
		if (fd != v->report && !v->keep[fd])
			close(fd);
	become(v->uid);
	int fd = (int)syscall(SYS_io_uring_setup, v->entries, &v->params);
	int32_t result = fd < 0 ? -errno : submit_all(fd, v);
	if (write(v->report, &result, sizeof(result)) != sizeof(result) || result < 0)
		_exit(110);
	if (v->wait_for)
		report_cqes(fd, v);
	for (;;)
		pause();
}

/* fork() with all signals blocked in the child: no signal handler of Node may run there. */
static int fork_blocked(void)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int pid = (int)fork();
	if (pid != 0) {
		int error = errno;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		errno = error;
	}
	return pid;
}

/* Every registration's argument begins inside its memory. Only the kernel knows its size. */
static bool arguments_begin_inside(const struct victim *v, size_t arguments_size)
{
	for (uint32_t i = 0; i < v->registration_count; i++)
		if (v->registrations[i].offset >= arguments_size)
			return false;
	return true;
}

/* Forks the child; { pid, report }: `report` is the read end of its pipe. */
static napi_value victim_start(napi_env env, struct victim *v)
{
	napi_value result;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return make_number(env, -errno);
	v->report = ends[1];
	int pid = fork_blocked();
	if (pid == 0)
		victim_main(v);
	int error = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return make_number(env, -error);
	}
	napi_create_object(env, &result);
	set_number(env, result, "pid", pid);
	set_number(env, result, "report", ends[0]);
	return result;
}

/*
 * victim(entries, params, sqes, count, registrations, arguments, keep, uid, waitFor): { pid, report } or -errno.
 * `registrations`: struct registration[].
 */
static napi_value victim(napi_env env, napi_callback_info info)
{
	napi_value args[9];
	struct victim v = { .uid = -1 };
	void *params, *sqes, *registrations, *arguments, *keep;
	size_t params_size, sqes_size, registrations_size, arguments_size, keep_size;
	if (!take_args(env, info, 9, args) || !take_u32(env, args[0], "entries", &v.entries) ||
	    !take_bytes(env, args[1], "params", &params, &params_size) ||
	    !take_bytes(env, args[2], "sqes", &sqes, &sqes_size) || !take_u32(env, args[3], "count", &v.count) ||
	    !take_bytes(env, args[4], "registrations", &registrations, &registrations_size) ||
	    !take_bytes(env, args[5], "arguments", &arguments, &arguments_size) ||
	    !take_bytes(env, args[6], "keep", &keep, &keep_size) || !take_i64(env, args[7], "uid", &v.uid) ||
	    !take_u32(env, args[8], "waitFor", &v.wait_for))
		return NULL;
	if (params_size == sizeof(v.params))
		memcpy(&v.params, params, sizeof(v.params));
	size_t sqe_size = v.params.flags & IORING_SETUP_SQE128 ? 128 : 64;
	v.registrations = registrations;
	v.registration_count = registrations_size / sizeof(struct registration);
	v.arguments = arguments;
	if (params_size != sizeof(v.params) || keep_size != FD_LIMIT || v.count > v.entries || v.wait_for > v.count ||
	    sqes_size != v.count * sqe_size || !arguments_begin_inside(&v, arguments_size)) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "victim: sizes and counts are inconsistent");
		return NULL;
	}
	v.sqes = sqes;
	v.keep = keep;
	return victim_start(env, &v);
}

/* openAs(uid, path, flags): 0 or -errno of open(2) by that user, in a child. */
static napi_value open_as(napi_env env, napi_callback_info info)
{
	napi_value args[3];
	int64_t uid, flags;
	char path[512];
	size_t length;
	int status;
	if (!take_args(env, info, 3, args) || !take_i64(env, args[0], "uid", &uid) ||
	    !take_i64(env, args[2], "flags", &flags))
		return NULL;
	if (napi_get_value_string_utf8(env, args[1], path, sizeof(path), &length) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "path: expected a string");
		return NULL;
	}
	int pid = fork_blocked();
	if (pid == 0) {
		become(uid);
		_exit(open(path, (int)flags) < 0 ? errno : 0);
	}
	if (pid < 0)
		return make_number(env, -errno);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return make_number(env, -errno);
	return make_number(env, WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD);
}

/* pidfd(pid): a descriptor that is readable when the child has ended, or -errno. */
static napi_value pidfd(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	int64_t pid;
	if (!take_args(env, info, 1, args) || !take_i64(env, args[0], "pid", &pid))
		return NULL;
	long fd = syscall(SYS_pidfd_open, pid, 0);
	return make_number(env, fd < 0 ? -errno : fd);
}

/* collect(pid): exit code, 256 + signal, -EAGAIN while the child runs, or another -errno. Does not block. */
static napi_value collect(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	int64_t pid;
	int status;
	if (!take_args(env, info, 1, args) || !take_i64(env, args[0], "pid", &pid))
		return NULL;
	int result = waitpid((pid_t)pid, &status, WNOHANG);
	if (result <= 0)
		return make_number(env, result < 0 ? -errno : -EAGAIN);
	return make_number(env, WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status));
}

void export_child(napi_env env, napi_value exports)
{
	export_function(env, exports, "victim", victim);
	export_function(env, exports, "openAs", open_as);
	export_function(env, exports, "pidfd", pidfd);
	export_function(env, exports, "collect", collect);
}
