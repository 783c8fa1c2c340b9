#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/proc.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Each tries one thing, in a process of its own inside the sandbox, and says whether it was let. */
static bool can_execute(void)
{
	char *const argv[] = {"true", NULL};

	execv("/bin/true", argv);
	return errno != EPERM;
}

static bool can_open_sockets(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM;
}

static bool can_mount(void)
{
	return mount("none", "/nowhere", "tmpfs", 0, NULL) == 0 || errno != EPERM;
}

static bool can_change_root(void)
{
	return chroot("/nowhere") == 0 || errno != EPERM;
}

static bool can_leave_namespaces(void)
{
	return unshare(CLONE_NEWUSER) == 0 || errno != EPERM;
}

static bool can_load_programs_into_the_kernel(void)
{
	return syscall(SYS_bpf, 99, NULL, 0) >= 0 || errno != EPERM;
}

static bool can_use_rings(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL) >= 0 || errno != EPERM;
}

static bool can_read_keyrings(void)
{
	return syscall(SYS_keyctl, 999, 0, 0, 0, 0) >= 0 || errno != EPERM;
}

static bool can_read_other_processes(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0L, NULL, 0L, 0L) >= 0 || errno != EPERM;
}

static bool can_change_users(void)
{
	return setuid(getuid()) == 0 || errno != EPERM;
}

static bool can_trace(void)
{
	return ptrace(PTRACE_ATTACH, 0, NULL, NULL) == 0 || errno != EPERM;
}

static bool can_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 || errno != EPERM;
}

static bool can_signal_others(void)
{
	return kill(getppid(), 0) == 0 || errno != EPERM;
}

static bool can_run_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED || errno != EPERM;
}

static bool can_make_memory_run(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 || errno != EPERM;
}

static bool can_become_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 || errno != EPERM;
}

static bool can_raise_limits(void)
{
	struct rlimit l = {1, 1};

	return setrlimit(RLIMIT_CORE, &l) == 0 || errno != EPERM;
}

/* And what serving needs. */
static void *thread_run(void *arg)
{
	return arg;
}

static bool can_make_threads(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, thread_run, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool can_use_files(void)
{
	char path[] = "/tmp/bulwark-sandbox-XXXXXX", moved[64];
	struct stat st;
	int fd = mkstemp(path);
	void *map;

	snprintf(moved, sizeof moved, "%s.moved", path);
	if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 8192) || fsync(fd) || fdatasync(fd) ||
	    fstat(fd, &st))
		return false;
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return map != MAP_FAILED && msync(map, 8192, MS_SYNC) == 0 && rename(path, moved) == 0 &&
	       unlink(moved) == 0;
}

static bool can_wait(void)
{
	struct epoll_event e;
	int fd = epoll_create1(0), event = eventfd(0, 0);

	return fd >= 0 && event >= 0 && epoll_wait(fd, &e, 1, 1) == 0;
}

static bool can_abort(void)
{
	signal(SIGABRT, SIG_IGN);
	return raise(SIGABRT) == 0;
}

static bool let(bool (*try)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A program that is let would end this process with 0; the rest cannot be mistaken for an
		 * answer. */
		_exit(bw_sandbox_enter() != BW_OK ? 2 : try() ? 0 : 42);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 2);
	return WEXITSTATUS(status) == 0;
}

TEST(sandbox_takes_away)
{
	static bool (*const always[])(void) = {can_execute, can_open_sockets, can_mount, can_change_root,
	    can_leave_namespaces, can_load_programs_into_the_kernel, can_use_rings, can_read_keyrings,
	    can_read_other_processes, can_change_users};
	static bool (*const unless_sanitized[])(void) = {can_trace, can_fork, can_signal_others,
	    can_run_memory, can_make_memory_run, can_become_dumpable, can_raise_limits};

	for (size_t i = 0; i < BW_COUNT(always); i++)
		if (let(always[i]))
			fail_msg("number %zu is let", i);
	for (size_t i = 0; !SANITIZED && i < BW_COUNT(unless_sanitized); i++)
		if (let(unless_sanitized[i]))
			fail_msg("number %zu of the ordinary build is let", i);
}

TEST(sandbox_leaves_what_serving_needs)
{
	assert_true(let(can_make_threads));
	assert_true(let(can_use_files));
	assert_true(let(can_wait));
	assert_true(let(can_abort));
}

TEST(sandbox_process_is_hardened)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit core;
		int signal_no = 0;

		bw_process_harden(true);
		if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
			_exit(1);
		if (prctl(PR_GET_PDEATHSIG, &signal_no) != 0 || signal_no != SIGKILL)
			_exit(2);
		_exit(!SANITIZED && prctl(PR_GET_DUMPABLE) != 0 ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
