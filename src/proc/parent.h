/* What the files of the parent share: proc.c (the loop), child.c (one row's processes), sockets.c (the
 * sockets held for them). */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/map.h"
#include "proc/proc.h"

struct leaving;

enum { ROWS_MAX = BW_PROC_ROWS_MAX };

/* One process of a row. */
struct life {
	pid_t pid;   /* 0: none */
	int channel; /* -1: none */
	uint32_t incarnation;
	int64_t started_ms;
	uint32_t program; /* of the table's versions; 0: this one */
	int64_t until_ms; /* told to retire: when patience ends; 0: not told */
};

struct child {
	const struct bw_proc_row *row;
	struct life now;
	struct life old; /* retires, or is about to: its successor serves, or is starting */
	bool ready;      /* `now` has served since it was started */
	bool
	    reloading; /* and was told to read its configuration again since, or is to take over from `old` */
	bool asleep;   /* nothing has needed it yet, or needs it any more */
	int needs;     /* readable when one of the row's `needed_by` is; -1: it has none */
	bool again;    /* asked to be relieved while one was retiring still */
	bool stays;    /* its successor of a newer program could not start: it goes on */
	bool waited_for;  /* that its place is not free yet was told */
	uint32_t incarnations;
	int64_t restart_ms; /* when to start it again; 0: not waiting */
	int64_t pause_ms;
};

/* Another program on trial. */
struct trial {
	pid_t pid; /* 0: none */
	int said;  /* what it says; -1: it has ended, or there is none */
	int file;  /* the program */
	bool again; /* another was asked for meanwhile */
	int64_t until_ms;
	struct bw_buf words;
};

struct parent {
	struct child children[ROWS_MAX];
	size_t count;
	pid_t pid;
	sigset_t old_mask;
	int signals;
	struct bw_map sockets; /* sockets.c */
	struct bw_proc_table *table; /* table.c: ours to write */
	const struct bw_proc_table *shown; /* the same for everybody */
	int64_t kill_ms;       /* draining: when patience ends; 0: not draining */
	int64_t grace_ms;
	int64_t watchdog_ms; /* how often systemd wants to hear from us; 0: never */
	int64_t alive_ms;    /* when it is to hear next */
	bool announced;
	bool took_over; /* from a program before */
	int status;
	const struct bw_proc_program *program; /* NULL: it is not replaced */
	struct trial trial;
	char versions[BW_PROC_PROGRAMS_MAX][BW_PROC_VERSION_MAX];
	uint32_t version_count, upgrades;
};

/* The earlier of two waits; -1: there is none. */
static inline int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* child.c */
BW_CHECKED enum bw_err child_start(struct parent *p, struct child *c);
/* Starts a successor; the one that serves retires when that is ready. */
void child_relieve(struct parent *p, struct child *c);
void child_ready(struct parent *p, struct child *c);
/* How long one that was told to retire may take. */
int64_t child_patience_ms(const struct parent *p, const struct child *c);
/* Puts a process of this program into the place of one of a program before: at once, or when that has ended. */
void child_renew(struct parent *p, struct child *c);
/* Whose process ended says how; true when it was one of this row's. */
bool child_ended(struct parent *p, struct child *c, pid_t pid, int status);
bool child_any(const struct child *c);
/* Tells those who outlive the others, or the others. */
void children_drain(struct parent *p, bool outliving);
bool only_outliving_left(const struct parent *p);

/* proc.c */
void drain(struct parent *p);

/* upgrade.c */
/* At the beginning; says in took_over whether there was a program before. BW_EINVAL (logged): what that says of itself is not known here. */
BW_CHECKED enum bw_err upgrade_open(struct parent *p);
/* What that has left, after upgrade_open. BW_ECORRUPT, BW_EINVAL: logged. */
BW_CHECKED enum bw_err upgrade_take(struct parent *p);
/* Says that it could be taken. */
void upgrade_rehearsed(const struct parent *p);
/* SIGUSR2. */
void upgrade_begin(struct parent *p);
/* What the program on trial says. */
void upgrade_hear(struct parent *p);
/* True when it was that one's process. */
bool upgrade_ended(struct parent *p, pid_t pid, int status);
/* Gives up a program that takes too long over its trial. When it wants to be called again, as sooner() counts. */
int64_t upgrade_run(struct parent *p, int64_t now_ms);
/* In a child, and at the end. */
void upgrade_forget(const struct parent *p);
void upgrade_close(struct parent *p);

/* renew.c: replaces the next process, and gives up who takes too long to begin or to end. As upgrade_run. */
int64_t renew_run(struct parent *p, int64_t now_ms);

/* take.c: what a parent leaves of its children, and takes. */
void children_leave(struct parent *p, struct leaving *l);
BW_CHECKED enum bw_err children_take(struct parent *p);
/* The number of a version in the parent's list. */
uint32_t version_number(struct parent *p, struct bw_str version);

/* table.c */
BW_CHECKED enum bw_err table_open(struct parent *p);
/* Says how everybody is. */
void table_say(struct parent *p);
void table_refusal_say(struct parent *p, const char *why);
/* In a child: what is the parent's to write goes. */
void table_forget(struct parent *p);
/* At the end. */
void table_close(struct parent *p);

/* sockets.c */
void sockets_open(struct parent *p);
void sockets_close(struct parent *p);
void sockets_leave(struct parent *p, struct leaving *l);
BW_CHECKED enum bw_err sockets_take_over(struct parent *p);
/* One of the messages about sockets, from that process. False when it is malformed. */
BW_CHECKED bool sockets_take(
    struct parent *p, const struct child *c, const struct life *life, const struct bw_proc_message *m);
