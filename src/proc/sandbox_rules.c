/* Who may call what of the kernel's. Part of a program of the build alone (sandbox_write.c), which writes the filters that the
 * server loads: made by each process as it starts, they cost it more than loading them. */
#include "proc/sandbox_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/sanitizer.h"
#include "base/str.h"

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
    /* What is done to other processes of the same user. */
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(tkill),
    SCMP_SYS(process_madvise),
    SCMP_SYS(process_mrelease),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
    SCMP_SYS(ioprio_set),
    SCMP_SYS(kcmp),
};

/* With 0 for itself, and otherwise the number of another. */
static const int own_alone[] = {
    SCMP_SYS(prlimit64),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_setscheduler),
    SCMP_SYS(sched_setparam),
    SCMP_SYS(sched_setattr),
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
    SCMP_SYS(bind), /* not to listen: to speak from an address */
    SCMP_SYS(connect),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(openat),
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

static int rows_deny(scmp_filter_ctx filter, const int *rows, size_t count)
{
	int e = 0;

	for (size_t i = 0; !e && i < count; i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), rows[i], 0);
	return e;
}

/* The kernel takes 32 bits of such a number: what stands above them must not hide it. */
#define LOW32(argument, value) argument(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)(value))

/* Signals to others, and their limits and places on the cores. */
static int others_deny(scmp_filter_ctx filter, bool signals)
{
	static const int killing[] = {SCMP_SYS(kill), SCMP_SYS(tgkill)};
	int e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setpriority), 1, SCMP_A1(SCMP_CMP_NE, 0));

	if (!e)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setpriority), 1, SCMP_A0(SCMP_CMP_NE, PRIO_PROCESS));
	for (size_t i = 0; !e && i < BW_COUNT(own_alone); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), own_alone[i], 1, SCMP_A0(SCMP_CMP_NE, 0));
	for (size_t i = 0; !signals && !e && i < BW_COUNT(killing); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), killing[i], 1, SCMP_A0(SCMP_CMP_NE, SANDBOX_OWN_PID));
	return e;
}

/* What is open is partly open in other processes too, with the same flags. One that does not wait must not be made to by whoever shares it;
 * and whom a descriptor signals is not for this process to say. */
static int flags_deny(scmp_filter_ctx filter)
{
	static const int signalling[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG};
	static const unsigned long requests[] = {FIONBIO, FIOASYNC, FIOSETOWN, SIOCSPGRP};
	int e = seccomp_rule_add(
	    filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(fcntl), 2, LOW32(SCMP_A1, F_SETFL), SCMP_A2(SCMP_CMP_MASKED_EQ, O_NONBLOCK, 0));

	for (size_t i = 0; !e && i < BW_COUNT(signalling); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(fcntl), 1, LOW32(SCMP_A1, signalling[i]));
	for (size_t i = 0; !e && i < BW_COUNT(requests); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, LOW32(SCMP_A1, requests[i]));
	/* The operator's socket in the data folder is the operator's. */
	if (!e)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, LOW32(SCMP_A0, AF_UNIX));
	return e;
}

enum may { MAY_RUN = 1, MAY_LOAD = 2 };

static int denying(scmp_filter_ctx filter, unsigned may)
{
	int e = rows_deny(filter, denied, BW_COUNT(denied));

	if (!e && !(may & MAY_RUN))
		e = rows_deny(filter, denied_unless_runner, BW_COUNT(denied_unless_runner));
	if (!e)
		e = others_deny(filter, may & MAY_RUN);
	if (!e && !(may & MAY_LOAD))
		e = flags_deny(filter);
	/* The leak check of a sanitized build traces its own process. */
	if (!e && !BW_SANITIZED)
		e = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);
	return e;
}

static int server(scmp_filter_ctx filter)
{
	return denying(filter, 0);
}

static int loader(scmp_filter_ctx filter)
{
	return denying(filter, MAY_LOAD);
}

static int runner(scmp_filter_ctx filter)
{
	return denying(filter, MAY_RUN);
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
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, SANDBOX_OWN_PID));
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

/* Of a descriptor: what it is, and that it does not wait. Neither locks nor copies of it, and nobody is signalled. */
static int descriptors_allow(scmp_filter_ctx filter)
{
	static const int asking[] = {F_GETFD, F_SETFD, F_GETFL};
	int e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, SCMP_A1(SCMP_CMP_EQ, F_SETFL),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, O_NONBLOCK | O_ASYNC, O_NONBLOCK));

	for (size_t i = 0; !e && i < BW_COUNT(asking); i++)
		e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)asking[i]));
	return e;
}

static int narrow_alone(scmp_filter_ctx filter)
{
	int e = rows_allow(filter, narrow, BW_COUNT(narrow));

	return e ? e : own_allow(filter);
}

static int speaker(scmp_filter_ctx filter)
{
	int e = narrow_alone(filter);

	if (!e)
		e = rows_allow(filter, speaking, BW_COUNT(speaking));
	if (!e)
		e = descriptors_allow(filter);
	if (!e)
		e = families_allow(filter);
	if (!e && BW_SANITIZED)
		e = rows_allow(filter, reporting, BW_COUNT(reporting));
	return e;
}

static const struct {
	bool allows; /* what no rule names */
	int (*rules)(scmp_filter_ctx filter);
} kinds[SANDBOX_KINDS] = {
    [SANDBOX_SERVER] = {true, server},
    [SANDBOX_LOADER] = {true, loader},
    [SANDBOX_RUNNER] = {true, runner},
    [SANDBOX_NARROW] = {false, narrow_alone},
    [SANDBOX_SPEAKER] = {false, speaker},
};

scmp_filter_ctx sandbox_rules(enum sandbox_kind kind)
{
	scmp_filter_ctx filter = seccomp_init(kinds[kind].allows ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));

	if (!filter || kinds[kind].rules(filter) == 0)
		return filter;
	seccomp_release(filter);
	return NULL;
}
