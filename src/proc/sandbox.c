#include "proc/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

/* Made by the build: sandbox_filters[SANDBOX_KINDS]. */
#include <sandbox_filters.h>

/* A filter is a constant but for the number of the process that it is loaded into. */
static enum bw_err filter_load(enum sandbox_kind kind, unsigned flags)
{
	const struct sandbox_filter *made = &sandbox_filters[kind];
	struct sock_filter steps[SANDBOX_STEPS_MAX];
	const struct sock_fprog filter = {made->count, steps};

	memcpy(steps, sandbox_steps + made->from, made->count * sizeof *steps);
	for (size_t i = 0; i < made->count; i++)
		if (steps[i].k == SANDBOX_OWN_PID)
			steps[i].k = (uint32_t)getpid();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "the kernel refused the sandbox: %s", strerror(errno));
	return BW_EIO;
}

static enum bw_err privileges_fix(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "no_new_privs: %s", strerror(errno));
	return BW_EIO;
}

enum bw_err bw_sandbox_enter(void)
{
	TRY(privileges_fix());
	return filter_load(SANDBOX_SERVER, 0);
}

enum bw_err bw_sandbox_enter_loader(void)
{
	TRY(privileges_fix());
	return filter_load(SANDBOX_LOADER, 0);
}

enum bw_err bw_sandbox_enter_runner(void)
{
	TRY(privileges_fix());
	return filter_load(SANDBOX_RUNNER, 0);
}

enum bw_err bw_sandbox_enter_narrow(void)
{
	TRY(privileges_fix());
	return filter_load(SANDBOX_NARROW, SECCOMP_FILTER_FLAG_TSYNC);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void bw_descriptors_keep(const int *keep, size_t count)
{
	int sorted[128];
	unsigned from = 3;

	MUST(count <= BW_COUNT(sorted));
	memcpy(sorted, keep, count * sizeof *keep);
	qsort(sorted, count, sizeof *sorted, by_number);
	for (size_t i = 0; i < count; i++) {
		if (sorted[i] < (int)from)
			continue;
		if (sorted[i] > (int)from)
			(void)close_range(from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

/* Whoever was started with some has handed them on. */
static enum bw_err powers_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {0};

	if (syscall(SYS_capset, &head, none) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "capabilities cannot be given up: %s", strerror(errno));
	return BW_EIO;
}

enum bw_err bw_sandbox_enter_speaker(int dir_fd)
{
	TRY(privileges_fix());
	TRY(powers_drop());
	if (!BW_SANITIZED)
		(void)sandbox_files_into(dir_fd); /* before the filter, which does not permit it */
	return filter_load(SANDBOX_SPEAKER, 0);
}

/* No memory would be in a core file, what is mapped later included. Children inherit it: the parent is the one who may always say so. */
static void dump_filter_clear(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0", 1);
	close(fd);
}

void bw_process_harden(bool with_parent)
{
	struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	dump_filter_clear();
	if (!BW_SANITIZED)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (with_parent)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
