/* The processes of one bulwark: a table of rows, each with its entry and what it may say. The parent binds,
 * forks, watches and restarts; children speak with it in typed messages over a socket of their own. */
#pragma once

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/str.h"

/* What processes say to each other. Each row lists what it may send; anything else ends it. */
enum bw_proc_type {
	BW_PROC_READY,  /* child: serving (again, after a reload) */
	BW_PROC_DRAIN,  /* parent: finish what is in work, then exit */
	BW_PROC_RELOAD, /* parent: read the configuration again */
	BW_PROC_RETIRE, /* parent: another has taken over, or will when this one has ended; finish, then exit */
	/* A struct bw_proc_socket each. Child: asks for a listening socket; the parent answers with it. */
	BW_PROC_SOCKET,
	BW_PROC_SOCKET_DROP, /* child: nobody needs it any more */
	/* child, without payload: what it has not asked for since it began, nobody needs */
	BW_PROC_SOCKET_SETTLE,
	BW_PROC_UPGRADE, /* child: the operator wants the program that the file is now, as with SIGUSR2 */
	BW_PROC_TYPES,
};

enum {
	BW_PROC_PAYLOAD_MAX = 4096,
	BW_PROC_ROWS_MAX = 40,     /* 32 loops of the edge, and room for the others */
	BW_PROC_SOCKETS_MAX = 8192, /* held by the parent: as many listeners, of which a load balancer has 50 */
	BW_PROC_SHARES_MAX = 32,
	BW_PROC_VERSION_MAX = 24,
	BW_PROC_PROGRAMS_MAX = 8, /* of which processes run at one time; older ones are called by the oldest's version */
	BW_PROC_NONE = UINT32_MAX,
	BW_PROC_WORDS_MAX = 256,
	/* Ended with this status, a process is not started again: it would only find the same. All end, and this is the status of the
	 * whole. It is EX_DATAERR of sysexits(3). */
	BW_PROC_FINAL = 65,
};

struct bw_proc_message {
	enum bw_proc_type type;
	int fd; /* that came with it, the receiver's to close; -1: none */
	size_t n;
	char payload[BW_PROC_PAYLOAD_MAX];
};

/* A listening socket that the parent holds, so that it outlives whoever accepts from it: no connection that waits is lost when a
 * process ends. Streams: all processes share one. Datagrams: `shares` sockets, among which the kernel spreads flows; each process
 * asks for its own. */
struct bw_proc_socket {
	struct sockaddr_storage address;
	uint32_t address_bytes;
	uint16_t share, shares; /* streams: 0 of 1 */
	bool datagrams;
	bool make;     /* false: only when it is held already */
	int32_t error; /* of the answer: why there is none, an errno */
};

enum bw_proc_state {
	BW_PROC_IDLE,     /* not started: nothing needs it */
	BW_PROC_STARTING, /* or to be started again, after a pause */
	BW_PROC_SERVING,
};

/* What the parent says of its rows, in memory that nobody else can write. */
struct bw_proc_table {
	size_t count;
	char versions[BW_PROC_PROGRAMS_MAX][BW_PROC_VERSION_MAX]; /* the parent's own first */
	_Atomic uint32_t upgrades; /* how many programs have taken the place of one before */
	_Atomic uint32_t refusals; /* of other programs; the newest one's reason: */
	char refusal[BW_PROC_WORDS_MAX];
	struct {
		char title[16];
		_Atomic uint32_t state;
		_Atomic uint32_t program, retiring; /* whose process serves, and still finishes: of `versions`, or BW_PROC_NONE */
		_Atomic uint32_t stays; /* 1: of a program before, whose successor could not start */
	} rows[BW_PROC_ROWS_MAX];
};

/* A child as it sees itself. */
struct bw_proc_self {
	int channel; /* to the parent: non-blocking */
	void *ctx;   /* of the row */
	uint32_t incarnation; /* the row's first process is 1 */
	bool relieves;        /* another of the row serves until this one is ready */
	const struct bw_proc_table *table;
};

struct bw_proc_row {
	const char *title;
	/* Runs in the child; its value is the exit status. */
	int (*run)(const struct bw_proc_self *self);
	void *ctx;
	uint32_t may_send; /* bits of enum bw_proc_type */
	/* It is not started before one of these can be read, and not again after it ended with status 0: what is
	 * sent to a process that is not there wakes it, and waits for it. NULL: it is started at once. */
	const int *needed_by;
	size_t needed_count;
	bool relieved;     /* SIGHUP starts a successor, and tells this one to retire when that is ready */
	bool succeeded;    /* the same at an upgrade alone. Of other rows the process retires first, and its successor starts then */
	bool outlives;     /* told to drain only when every row without this has ended: others need it to finish */
	/* Whose powers it takes for good, or NULL: the parent's. Asked in the parent each time that a process is about to start: to
	 * look a user up takes libraries and time, which a start without that process does not need. May be NULL. */
	const char *(*user)(void);
	/* In the parent: before a process starts, and after it ended, however that came. May be NULL. */
	void (*begins)(void *ctx, uint32_t incarnation);
	void (*ended)(void *ctx, uint32_t incarnation);
	/* In the parent: where it may listen. NULL: nowhere. */
	bool (*may_listen)(void *ctx, const struct sockaddr *a);
};

/* Something that programs have to agree about: what the running one writes, and what another can go on with. */
struct bw_proc_format {
	const char *name;
	uint32_t oldest, own;
};

/* The running program, as the one that may take its place, or another's. */
struct bw_proc_program {
	const char *version;
	const struct bw_proc_format *formats;
	size_t format_count;
	const char *stays; /* why it is not replaced while it runs; NULL: it may be */
	/* It has been started to say whether it could take over from the running one: it says so, and ends. */
	bool rehearses;
};

/* Forks every row and stays until all have ended: after SIGTERM or SIGINT (drained within `grace_ms`, then
 * killed; a second SIGINT kills at once), or when one could not start at first. SIGHUP reloads, or relieves. A
 * row that dies later is started again, after a pause that grows while it keeps dying; one that ends with
 * status 0 wants to be, and is at once, or when it is needed; with BW_PROC_FINAL nobody is any more. Returns the exit status. Must be called
 * with one thread. Tells systemd (sd_notify) of readiness, reload and stop, and that it is alive as long as
 * every row serves (WatchdogSec=). Descriptors up to the hard limit may be opened.
 *
 * SIGUSR2 upgrades (`program`; NULL: it does not): the file that this program was started from is looked at, started with
 * --rehearse behind its command, and when that says that it can, it takes this one's place in the same process. There bw_kept_take
 * has been called, what is kept was taken, and bw_proc_run goes on with the processes that there are, and replaces them one after
 * another. What is refused changes nothing, and is told in the log and in the table. */
int bw_proc_run(
    const struct bw_proc_row *rows, size_t count, int64_t grace_ms, const struct bw_proc_program *program);

/* Whether this program can go on with what the one before has left (bw_kept_take), and keeps its own word for the next one. At the
 * beginning. BW_EINVAL, logged. */
BW_CHECKED enum bw_err bw_proc_formats_check(const struct bw_proc_program *program);

/* One message. BW_EIO when the other side is gone. */
BW_CHECKED enum bw_err bw_proc_send(int channel, enum bw_proc_type type, struct bw_str payload);
/* The same with a descriptor, of which the other side gets a copy. */
BW_CHECKED enum bw_err bw_proc_send_fd(int channel, enum bw_proc_type type, struct bw_str payload, int fd);
/* BW_EAGAIN: none now; BW_ENOTFOUND: the other side is gone; BW_EINVAL: not a message, or not one of
 * `permitted`. */
BW_CHECKED enum bw_err bw_proc_receive(int channel, uint32_t permitted, struct bw_proc_message *out);

/* Gives up for good what a serving process does not need: new programs, tracing, mounting, modules, keyrings,
 * other namespaces, signals to others and their limits, sockets of this machine's (AF_UNIX), and taking O_NONBLOCK from a descriptor,
 * which others may have too (seccomp, EPERM), new privileges, core dumps. BW_EIO when the kernel refuses (logged).
 * Before threads. */
BW_CHECKED enum bw_err bw_sandbox_enter(void);
/* The same for a process that loads code of others, which may want the last two. */
BW_CHECKED enum bw_err bw_sandbox_enter_loader(void);
/* The same for a process whose work is to start a program of the system's and to enter namespaces: these stay too, and signals. */
BW_CHECKED enum bw_err bw_sandbox_enter_runner(void);
/* For a process that only computes, and speaks over descriptors that it holds: memory, time, randomness, its own threads, reading
 * and writing what is open; nothing can be opened, connected or started. On every thread of the process. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_sandbox_enter_narrow(void);
/* For a process of one thread that speaks over the network: the same, and it accepts from sockets that it was given, connects over
 * IPv4 and IPv6, from an address that it binds or whichever, and writes files beneath `dir_fd`, those alone (landlock); none when it
 * is -1. It has no capability, cannot listen, start anything, make memory executable, or make a descriptor wait. Descriptors that are
 * open stay so. A kernel without landlock is told in the log; a sanitized build keeps what its reports need. BW_EIO, logged. */
BW_CHECKED enum bw_err bw_sandbox_enter_speaker(int dir_fd);
/* What a process keeps of the file system. */
struct bw_sandbox_folder {
	const char *path; /* a folder with all beneath it, or a file; what is not there is passed over */
	bool write;       /* else it is read only */
};
enum { BW_SANDBOX_FOLDERS_MAX = 16 };
/* From now on nothing else can be opened, made or renamed, by this process and those it starts (landlock); descriptors that are open stay so. False, and told in
 * the log: the kernel does not do it. A sanitized build keeps /proc, for its leak check. Before threads. */
bool bw_sandbox_files_keep(const struct bw_sandbox_folder *folders, size_t count);
/* Closes every descriptor above stderr that is not among `keep` (at most 128): what a child inherits and has no use for. */
void bw_descriptors_keep(const int *keep, size_t count);
/* For a process that looks up names on the network: of the file system it keeps reading what the system's resolver reads (landlock).
 * Otherwise as above. Before threads, after bw_sandbox_enter. */
void bw_sandbox_files_read(void);
/* Not dumpable, no core files, dies with its parent. */
void bw_process_harden(bool with_parent);

/* Takes the powers of `user` and of their groups, for good; nothing is asked of who is that user already.
 * BW_EPERM (logged) when the kernel refuses or the way back stays open, BW_ENOTFOUND when there is no such
 * user. */
BW_CHECKED enum bw_err bw_user_become(const char *user);

/* Tells systemd a state ("READY=1"); does nothing without NOTIFY_SOCKET. */
void bw_notify(const char *state);
