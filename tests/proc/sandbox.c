/* What a process that was taken over cannot do to others of the same user, and to what it shares with them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/proc.h"
#include "proc/wake.h"
#include "test.h"

/* The number of the first thing that was not refused, 0: none. */
static int status_of(int (*tries)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(tries());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool refused(long result)
{
	return result == -1 && errno == EPERM;
}

/* What stands above the 32 bits that the kernel takes. */
static long above(long value)
{
	return (long)(UINT64_C(1) << 40 | (uint32_t)value);
}

static int others_try(void)
{
	const struct sched_param usual = {0};
	struct rlimit l = {0, 0};
	pid_t other = getppid();
	cpu_set_t cores;

	CPU_ZERO(&cores);
	if (!refused(kill(other, 0)) || !refused(kill(-1, 0)) || !refused(kill(0, 0)) || kill(getpid(), 0) != 0)
		return 1;
	if (!refused(syscall(SYS_tgkill, other, other, 0)) || !refused(syscall(SYS_tkill, other, 0)) || !refused(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0)))
		return 2;
	if (!refused(syscall(SYS_kill, above(other), 0)))
		return 3;
	if (!refused(prlimit(other, RLIMIT_CPU, &l, NULL)) || prlimit(0, RLIMIT_CORE, &l, NULL) != 0)
		return 4;
	if (!refused(sched_setaffinity(other, sizeof cores, &cores)) || !refused(sched_setscheduler(other, SCHED_IDLE, &usual)))
		return 5;
	if (!refused(setpriority(PRIO_PROCESS, (id_t)other, 19)) || !refused(setpriority(PRIO_USER, 0, 19)) || setpriority(PRIO_PROCESS, 0, 1) != 0)
		return 6;
	return 0;
}

static int flags_try(int fd)
{
	int on = 1, off = 0;

	if (!refused(fcntl(fd, F_SETFL, 0)) || !refused(fcntl(fd, F_SETFL, O_APPEND)) || !refused(syscall(SYS_fcntl, fd, above(F_SETFL), 0)))
		return 11;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !(fcntl(fd, F_GETFL) & O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return 12;
	if (!refused(fcntl(fd, F_SETOWN, getpid())) || !refused(fcntl(fd, F_SETSIG, SIGKILL)))
		return 13;
	if (!refused(ioctl(fd, FIONBIO, &off)) || !refused(ioctl(fd, FIOASYNC, &on)) || !refused(syscall(SYS_ioctl, fd, above(FIONBIO), &off)))
		return 14;
	return refused(socket(AF_UNIX, SOCK_STREAM, 0)) && refused(syscall(SYS_socket, above(AF_UNIX), SOCK_STREAM, 0)) ? 0 : 15;
}

static int server_tries(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), why;

	if (bw_sandbox_enter() != BW_OK)
		return 40;
	why = others_try();
	return why ? why : flags_try(fd);
}

static int loader_tries(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	if (bw_sandbox_enter_loader() != BW_OK)
		return 40;
	/* Modules of others set up sockets of theirs as they like. */
	if (fcntl(fd, F_SETFL, 0) != 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 41;
	return others_try();
}

static int runner_tries(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	if (bw_sandbox_enter_runner() != BW_OK)
		return 40;
	return kill(getppid(), 0) == 0 ? flags_try(fd) : 42; /* it ends the program that it started */
}

static int speaker_tries(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = eventfd(0, EFD_NONBLOCK), memory = memfd_create("shared", MFD_CLOEXEC);

	if (bw_sandbox_enter_speaker(-1) != BW_OK)
		return 40;
	if (!refused(fcntl(fd, F_SETFL, 0)) || !refused(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC)) || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(fd, F_GETFL) < 0)
		return 21;
	if (!refused(fcntl(memory, F_SETLK, &lock)) || !refused(fcntl(memory, F_OFD_SETLK, &lock)) || !refused(syscall(SYS_flock, memory, 2)))
		return 22;
	if (!refused(fcntl(fd, F_DUPFD_CLOEXEC, 100)) || !refused(fcntl(fd, F_SETOWN, getppid())))
		return 23;
	return 0;
}

TEST(a_server_reaches_no_other_process_and_makes_nothing_shared_wait)
{
	assert_int_equal(status_of(server_tries), 0);
}

TEST(a_process_that_loads_code_of_others_reaches_no_other_either)
{
	assert_int_equal(status_of(loader_tries), 0);
}

TEST(a_runner_ends_its_programs_and_makes_nothing_shared_wait)
{
	assert_int_equal(status_of(runner_tries), 0);
}

TEST(a_speaker_neither_locks_nor_copies_nor_makes_wait)
{
	assert_int_equal(status_of(speaker_tries), 0);
}

TEST(a_counter_that_somebody_filled_wakes_all_the_same)
{
	const uint64_t full = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t count;

	assert_int_equal(write(fd, &full, sizeof full), sizeof full);
	wake_raise(fd);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(read(fd, &count, sizeof count), sizeof count);
	assert_int_equal(count, 1);
	wake_raise(fd);
	assert_int_equal(read(fd, &count, sizeof count), sizeof count);
	assert_int_equal(count, 1);
	close(fd);
}
