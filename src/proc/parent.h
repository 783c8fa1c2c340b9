/* What the files of the parent share: proc.c (the loop), child.c (one row's processes), sockets.c (the
 * sockets held for them). */
#pragma once

#include <sys/types.h>

#include "base/map.h"
#include "proc/proc.h"

enum { ROWS_MAX = BW_PROC_ROWS_MAX };

/* One process of a row. */
struct life {
	pid_t pid;   /* 0: none */
	int channel; /* -1: none */
	uint32_t incarnation;
	int64_t started_ms;
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
	uint32_t incarnations;
	int64_t restart_ms; /* when to start it again; 0: not waiting */
	int64_t pause_ms;
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
	int status;
};

/* child.c */
BW_CHECKED enum bw_err child_start(struct parent *p, struct child *c);
/* Starts a successor; the one that serves retires when that is ready. */
void child_relieve(struct parent *p, struct child *c);
void child_ready(struct parent *p, struct child *c);
/* Whose process ended says how; true when it was one of this row's. */
bool child_ended(struct parent *p, struct child *c, pid_t pid, int status);
bool child_any(const struct child *c);
/* Tells those who outlive the others, or the others. */
void children_drain(struct parent *p, bool outliving);
bool only_outliving_left(const struct parent *p);

/* proc.c */
void drain(struct parent *p);

/* table.c */
BW_CHECKED enum bw_err table_open(struct parent *p);
/* Says how everybody is. */
void table_say(struct parent *p);
/* In a child: what is the parent's to write goes. */
void table_forget(struct parent *p);
/* At the end. */
void table_close(struct parent *p);

/* sockets.c */
void sockets_open(struct parent *p);
void sockets_close(struct parent *p);
/* One of the messages about sockets, from that process. False when it is malformed. */
BW_CHECKED bool sockets_take(
    struct parent *p, const struct child *c, const struct life *life, const struct bw_proc_message *m);
