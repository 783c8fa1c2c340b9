#include "proc/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

/* What a process that parses bytes from the network never needs, and what one that was taken over would want
 * first. */
static const int denied[] = {
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(quotactl),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(personality),
    SCMP_SYS(vhangup),
};

/* What a process that runs programs of the system's, in namespaces of others, needs nevertheless. */
static const int denied_unless_runner[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(setns),
};

/* All that computing and speaking over open descriptors takes, beside what own_allow adds. */
static const int narrow[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(close),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(accept4),
    SCMP_SYS(poll),
    SCMP_SYS(futex),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(brk),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* What speaking with the network takes besides: on sockets that were given, and on its own, which connect but do not listen; and
 * writing to files, as far as landlock permits. */
static const int speaking[] = {
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(rseq),
    SCMP_SYS(connect),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(openat),
    SCMP_SYS(fcntl),
};

/* What the sanitizers' own reports take: the leak check copies its process and traces the original. */
static const int reporting[] = {
    SCMP_SYS(clone),
    SCMP_SYS(wait4),
    SCMP_SYS(ptrace),
    SCMP_SYS(open),
    SCMP_SYS(prctl),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(lstat),
    SCMP_SYS(access),
    SCMP_SYS(pipe),
    SCMP_SYS(dup2),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(lseek),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(ioctl),
    SCMP_SYS(getppid),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(prlimit64),
    SCMP_SYS(kill),
};

static enum bw_err loaded(scmp_filter_ctx filter, int e)
{
	if (!e)
		e = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (e) {
		bw_log(BW_LOG_ERROR, "the kernel refused the sandbox: %s", strerror(-e));
		return BW_EIO;
	}
	return BW_OK;
}

static enum bw_err filter_load(bool runner)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int e = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !e && i < BW_COUNT(denied); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	for (size_t i = 0; !runner && !e && i < BW_COUNT(denied_unless_runner); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied_unless_runner[i], 0);
	/* The leak check of a sanitized build traces its own process. */
	if (!e && !SANITIZED)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);
	return loaded(filter, e);
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
	return filter_load(false);
}

enum bw_err bw_sandbox_enter_runner(void)
{
	TRY(privileges_fix());
	return filter_load(true);
}

static int rows_allow(scmp_filter_ctx filter, const int *rows, size_t count)
{
	int e = 0;

	for (size_t i = 0; !e && i < count; i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, rows[i], 0);
	return e;
}

/* Memory that is never run as a program, and signals to itself, as abort(3) sends. */
static int own_allow(scmp_filter_ctx filter)
{
	int e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (!e)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!e)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return e;
}

/* Sockets of the Internet's two families alone. */
static int families_allow(scmp_filter_ctx filter)
{
	static const int families[] = {AF_INET, AF_INET6};
	int e = 0;

	for (size_t i = 0; !e && i < BW_COUNT(families); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	return e;
}

enum bw_err bw_sandbox_enter_narrow(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int e = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	TRY(privileges_fix());
	if (!e)
		e = rows_allow(filter, narrow, BW_COUNT(narrow));
	if (!e)
		e = own_allow(filter);
	return loaded(filter, e);
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

enum bw_err bw_sandbox_enter_speaker(int dir_fd, bool binds)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int e = filter ? 0 : -ENOMEM;

	TRY(privileges_fix());
	TRY(powers_drop());
	if (!SANITIZED)
		(void)sandbox_files_into(dir_fd); /* before the filter, which does not permit it */
	if (!e)
		e = rows_allow(filter, narrow, BW_COUNT(narrow));
	if (!e && binds)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
	if (!e)
		e = rows_allow(filter, speaking, BW_COUNT(speaking));
	if (!e)
		e = own_allow(filter);
	if (!e)
		e = families_allow(filter);
	if (!e && SANITIZED)
		e = rows_allow(filter, reporting, BW_COUNT(reporting));
	return loaded(filter, e);
}

void bw_process_harden(bool with_parent)
{
	struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	if (!SANITIZED)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (with_parent)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
