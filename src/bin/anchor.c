#include "bin/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/anchor_file.h"
#include "crypto/crypto.h"
#include "crypto/tpm.h"
#include "proc/kept.h"

enum {
	MINUTES_MAX = 24 * 60,
	/* The TPM's own slowness, and a disk's of another machine. A parent that waits for the end waits
	   longer. */
	ANSWER_MS = 20000,
};

struct anchor_place {
	const char *kind;
	int64_t minutes, minutes_min; /* usually, and at least */
	int64_t steps_a_day;
	enum bw_err (*read)(const struct anchor_process *a, uint64_t *number);
	enum bw_err (*make)(const struct anchor_process *a, uint64_t *number);
	enum bw_err (*raise)(const struct anchor_process *a, uint64_t to);
};

/* ---- A file ---- */

static enum bw_err file_number(const struct anchor_process *a, uint64_t *number)
{
	struct bw_arena arena;
	struct bw_str text;
	enum bw_err e;

	*number = 0;
	bw_arena_init(&arena, 4096);
	e = file_read(a->at.p, ANCHOR_FILE_MAX, &arena, &text);
	if (e == BW_OK)
		e = anchor_file_read(text, number);
	bw_arena_free(&arena);
	if (e != BW_OK && e != BW_ENOTFOUND)
		bw_log(BW_LOG_ERROR, "anchor %.*s: cannot be read: %s", BW_FMT(a->at), bw_err_name(e));
	return e;
}

static bool folder_sync(struct bw_str file)
{
	char *folder = bw_strdup(file), *slash = strrchr(folder, '/');
	int fd;
	bool good;

	slash[slash == folder] = 0;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	bw_free(folder);
	return good;
}

static enum bw_err file_put(const struct anchor_process *a, uint64_t number)
{
	char room[ANCHOR_FILE_MAX];
	struct bw_buf text = bw_buf_over(room, sizeof room);

	anchor_file_put(number, &text);
	TRY(file_write(a->at.p, bw_buf_str(&text), 0600));
	return folder_sync(a->at) ? BW_OK : BW_EIO;
}

static enum bw_err file_make(const struct anchor_process *a, uint64_t *number)
{
	*number = 1;
	return file_put(a, 1);
}

static enum bw_err file_raise(const struct anchor_process *a, uint64_t to)
{
	uint64_t now;

	TRY(file_number(a, &now));
	if (now == to)
		return BW_OK;
	CHECK(now + 1 == to, BW_ECONFLICT);
	return file_put(a, to);
}

/* ---- A TPM's counter ---- */

static enum bw_err tpm_read(const struct anchor_process *a, uint64_t *number)
{
	struct bw_tpm *tpm;
	enum bw_err e;

	TRY(bw_tpm_open(a->at, &tpm));
	e = bw_tpm_counter_read(tpm, a->index, number);
	bw_tpm_close(tpm);
	return e;
}

static enum bw_err tpm_make(const struct anchor_process *a, uint64_t *number)
{
	struct bw_tpm *tpm;
	enum bw_err e;

	TRY(bw_tpm_open(a->at, &tpm));
	e = bw_tpm_counter_make(tpm, a->index, number);
	bw_tpm_close(tpm);
	return e;
}

static enum bw_err tpm_raise(const struct anchor_process *a, uint64_t to)
{
	struct bw_tpm *tpm;
	uint64_t now;
	enum bw_err e;

	TRY(bw_tpm_open(a->at, &tpm));
	e = bw_tpm_counter_read(tpm, a->index, &now);
	if (e == BW_OK && now != to)
		e = now + 1 == to ? bw_tpm_counter_raise(tpm, a->index) : BW_ECONFLICT;
	bw_tpm_close(tpm);
	return e;
}

/* 100 a day: a TPM's memory is good for some 100,000 writes a cell, and levels them; a window of an hour
 * makes 24. */
static const struct anchor_place places[] = {
    {.kind = "file",
        .minutes = 1,
        .minutes_min = 1,
        .read = file_number,
        .make = file_make,
        .raise = file_raise},
    {.kind = "tpm2",
        .minutes = 60,
        .minutes_min = 15,
        .steps_a_day = 100,
        .read = tpm_read,
        .make = tpm_make,
        .raise = tpm_raise},
};

/* ---- The channel: one question at a time ---- */

enum verb { READ, MAKE, RAISE };

struct words {
	uint64_t id, number;
	uint32_t verb, result;
};

static enum bw_err ask(struct anchor_process *a, enum verb verb, uint64_t *number)
{
	struct words w = {.id = ++a->asked, .number = *number, .verb = verb};
	int64_t until = bw_clock_mono_ms() + ANSWER_MS, left;

	CHECK(send(a->asker, &w, sizeof w, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof w, BW_EIO);
	while ((left = until - bw_clock_mono_ms()) > 0) {
		struct pollfd p = {.fd = a->asker, .events = POLLIN};

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		CHECK(recv(a->asker, &w, sizeof w, 0) == sizeof w, BW_EIO);
		if (w.id != a->asked) /* of a question that was given up */
			continue;
		*number = w.number;
		return (enum bw_err)w.result;
	}
	bw_log(BW_LOG_ERROR, "anchor %s: no answer in %d s", a->place->kind, ANSWER_MS / 1000);
	return BW_EAGAIN;
}

static enum bw_err asked_read(void *ctx, uint64_t *number)
{
	*number = 0;
	return ask(ctx, READ, number);
}

static enum bw_err asked_make(void *ctx, uint64_t *number)
{
	*number = 0;
	return ask(ctx, MAKE, number);
}

static enum bw_err asked_raise(void *ctx, uint64_t to)
{
	return ask(ctx, RAISE, &to);
}

/* False when the asker is gone. */
static bool answer(const struct anchor_process *a)
{
	struct words w;
	enum bw_err e = BW_EINVAL;

	if (recv(a->answerer, &w, sizeof w, 0) != sizeof w)
		return false;
	if (w.verb == READ)
		e = a->place->read(a, &w.number);
	else if (w.verb == MAKE)
		e = a->place->make(a, &w.number);
	else if (w.verb == RAISE)
		e = a->place->raise(a, w.number);
	w.result = (uint32_t)e;
	return send(a->answerer, &w, sizeof w, MSG_NOSIGNAL) == sizeof w;
}

int anchor_run(const struct bw_proc_self *self)
{
	const struct anchor_process *a = self->ctx;
	struct pollfd watched[2] = {
	    {.fd = a->answerer, .events = POLLIN}, {.fd = self->channel, .events = POLLIN}};
	struct bw_proc_message m;
	enum bw_err e = bw_sandbox_enter_loader();

	if (e == BW_OK)
		e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
	while (e == BW_OK) {
		if (poll(watched, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (watched[0].revents && !answer(a))
			return 0;
		if (!watched[1].revents)
			continue;
		e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_RELOAD, &m);
		if (e == BW_OK && m.type != BW_PROC_RELOAD)
			return 0;
		if (e == BW_OK)
			e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
		if (e == BW_EAGAIN)
			e = BW_OK;
	}
	return e == BW_ENOTFOUND ? 0 : 1;
}

void anchor_forget(const struct anchor_process *a, bool asks)
{
	if (!a->place)
		return;
	close(a->answerer);
	if (!asks)
		close(a->asker);
}

enum bw_err anchor_fork(struct anchor_process *a)
{
	pid_t pid;

	if (!a->place)
		return BW_OK;
	pid = fork();
	CHECK(pid >= 0, BW_EIO);
	if (pid == 0) {
		close(a->asker);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (bw_sandbox_enter_loader() == BW_OK)
			while (answer(a))
				;
		_exit(0);
	}
	close(a->answerer);
	return BW_OK;
}

const struct bw_anchor *anchor_of(const struct anchor_process *a)
{
	return a->place ? &a->anchor : NULL;
}

/* ---- Options ---- */

/* So that several servers of one machine have several counters, and each finds its own. */
static uint32_t index_of(struct bw_str data)
{
	unsigned char d[32];

	bw_sha256(data, d);
	return BW_TPM_INDEX_FIRST | ((uint32_t)d[0] << 16 | (uint32_t)d[1] << 8 | d[2]) %
	                                (BW_TPM_INDEX_LAST - BW_TPM_INDEX_FIRST + 1);
}

static int place_choose(
    const struct parsed *p, struct bw_str asked, const struct place *place, struct anchor_process *a)
{
	struct bw_str at = asked, kind = bw_str_cut(&at, ':');

	for (size_t i = 0; i < BW_COUNT(places); i++)
		if (bw_str_eq(kind, bw_str_c(places[i].kind)))
			a->place = &places[i];
	if (!a->place)
		return command_refuse(p, "--anchor %.*s is neither file:PATH nor tpm2[:WAY]", BW_FMT(asked));
	if (strcmp(a->place->kind, "tpm2") == 0) {
		a->at = bw_str_set(at) ? at : BW_STR("device:/dev/tpmrm0");
		a->index = index_of(place->data);
		return bw_tpm_reach_valid(a->at)
		           ? 0
		           : command_refuse(p,
		                 "--anchor tpm2: %.*s is not device:FILE, swtpm:..., mssim:... or tabrmd:...",
		                 BW_FMT(a->at));
	}
	a->at = at;
	if (!bw_str_starts(at, BW_STR("/")) || bw_str_ends(at, BW_STR("/")))
		return command_refuse(p, "--anchor file: wants the absolute path of a file");
	if (bw_str_starts(at, place->data) && at.p[place->data.n] == '/')
		return command_refuse(
		    p, "--anchor %.*s: what lies in the data folder is put back with it", BW_FMT(asked));
	return 0;
}

int anchor_choose(const struct parsed *p, struct place *place, struct anchor_process *a)
{
	const char *asked = option_get(p, "anchor"), *minutes = option_get(p, "anchor-minutes");
	int64_t n;
	int refused, ends[2];

	*a = (struct anchor_process){.asker = -1, .answerer = -1};
	if (!asked)
		return minutes ? command_refuse(p, "--anchor-minutes goes with --anchor") : 0;
	if ((refused = place_choose(p, bw_str_c(asked), place, a)))
		return refused;
	n = a->place->minutes;
	if (minutes && bw_str_to_i64(bw_str_c(minutes), a->place->minutes_min, MINUTES_MAX, &n) != BW_OK)
		return command_refuse(p, "--anchor-minutes %s is not a number from %lld to %d for %s",
		    minutes, (long long)a->place->minutes_min, MINUTES_MAX, a->place->kind);
	ends[0] = bw_kept_fd("anchor/asker");
	ends[1] = bw_kept_fd("anchor/answerer");
	if ((ends[0] < 0 || ends[1] < 0) && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return 1;
	bw_keep_fd("anchor/asker", a->asker = ends[0]);
	bw_keep_fd("anchor/answerer", a->answerer = ends[1]);
	a->anchor = (struct bw_anchor){.kind = a->place->kind,
	    .window_ms = n * 60000,
	    .steps_a_day = a->place->steps_a_day,
	    .read = asked_read,
	    .make = asked_make,
	    .raise = asked_raise,
	    .ctx = a};
	return 0;
}
