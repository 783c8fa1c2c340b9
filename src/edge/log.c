/* The files of load balancers' logs, in the folder that the parent has opened. Each stays open, and is looked
 * for anew once a second: who rotates it moves it away. Lines are lost rather than waited for; those of one turn of
 * the loop are written together. Each is sealed (core/edge_log.h) to
 * a key whose secret half this process has never had. */
#include "edge/log.h"
#include "edge/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "codec/hex.h"
#include "core/edge_log.h"

enum {
	LOOK_MS = 1000,
	SHORT_MAX = 2 * 1024,   /* of a text that nobody makes longer by asking */
	BATCH_BYTES = 8 * 1024, /* a write at least for so much */
	RECORD_MAX = BW_EDGE_LOG_LINE_MAX + 1024,
};
#define BOX_MAX (UINT64_C(1) << 32) /* crypto.h: lines under one key */

struct log_box {
	struct bw_box *box;
	unsigned char sender[BW_BOX_KEY];
	char to[2 * BW_BOX_KEY];
	uint64_t sealed;
};

void log_put_quoted_most(struct bw_str s, size_t most, struct bw_buf *out)
{
	size_t end = out->n + 1 + most;

	bw_buf_put_c(out, '"');
	if (!s.n)
		bw_buf_put_c(out, '-');
	for (size_t i = 0; i < s.n && out->n < end; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\' || c < ' ' || c >= 0x7f) {
			if (out->n + 4 > end)
				break;
			bw_buf_printf(out, "\\x%02X", c);
		} else {
			bw_buf_put_c(out, (char)c);
		}
	}
	bw_buf_put_c(out, '"');
}

void log_put_quoted(struct bw_str s, struct bw_buf *out)
{
	log_put_quoted_most(s, SHORT_MAX, out);
}

/* Of a keyed hash, so that an idle connection need not keep it, and nobody learns how many there were. */
void log_put_connection(const struct edge *e, uint64_t serial, struct bw_buf *out)
{
	uint64_t id[2];

	bw_sip128(&e->connection_key, bw_str_make(&serial, sizeof serial), id);
	bw_buf_put(out, BW_STR("TID_"));
	bw_buf_put_hex(out, id, sizeof id);
}

/* ---- lines that wait ---- */

static void lines_write(struct log_file *f)
{
	if (f->waiting.n)
		(void)!write(f->fd, f->waiting.p, f->waiting.n);
	bw_buf_reset(&f->waiting);
}

void logs_write(struct edge *e)
{
	while (e->logs) {
		struct log_file *f = e->logs;

		e->logs = f->next;
		f->listed = false;
		lines_write(f);
	}
}

static void logs_posted(struct bw_post *p)
{
	struct edge *e = (struct edge *)((char *)p - offsetof(struct edge, log_post));

	e->log_posted = false;
	logs_write(e);
}

/* Soon: when what else this turn of the loop has brought is done. */
static void lines_await(struct edge *e, struct log_file *f)
{
	if (!f->listed) {
		f->listed = true;
		f->next = e->logs;
		e->logs = f;
	}
	if (e->log_posted)
		return;
	e->log_posted = true;
	e->log_post.run = logs_posted;
	bw_loop_post(e->loop, &e->log_post);
}

static void unlist(struct edge *e, struct log_file *f)
{
	struct log_file **at = &e->logs;

	while (f->listed && *at != f)
		at = &(*at)->next;
	if (f->listed)
		*at = f->next;
	f->listed = false;
}

/* ---- files ---- */

void log_close(struct edge *e, struct log_file *f)
{
	unlist(e, f);
	if (!f->open)
		return;
	lines_write(f);
	bw_buf_free(&f->waiting);
	close(f->fd);
	f->open = false;
}

/* "app.name.id.log" behind the prefix. */
static bool log_name(const struct stats *s, const char *prefix, char name[BW_EDGE_LOG_NAME_MAX + 1])
{
	int n = snprintf(name, BW_EDGE_LOG_NAME_MAX + 1, "%s%.*s.log", prefix, BW_FMT(s->dimension));

	if (n <= 0 || n > BW_EDGE_LOG_NAME_MAX)
		return false;
	for (int i = 0; i < n; i++)
		if (name[i] == '/')
			name[i] = '.';
	return name[0] != '.';
}

static bool log_open(struct stats *s, struct log_file *f, const char *name)
{
	int64_t now = bw_loop_now_ms(s->edge->loop);

	if (f->open && now - f->opened_ms < LOOK_MS)
		return true;
	log_close(s->edge, f);
	f->fd = openat(s->edge->shared->log_dir, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	f->open = f->fd >= 0;
	f->opened_ms = now;
	bw_buf_init(&f->waiting, BATCH_BYTES + RECORD_MAX);
	return f->open;
}

static void log_box_free(struct log_box *b)
{
	if (!b)
		return;
	bw_box_free(b->box);
	bw_free(b);
}

/* The box for the key of the newest image, made anew when that is another one and before it is full. NULL: there is no key. */
static struct log_box *box_of(struct edge *e)
{
	struct bw_str key = e->config->image.log_key;
	unsigned char to[BW_BOX_KEY];
	struct log_box *b = e->log_box;

	if (b && bw_str_eq(key, bw_str_make(b->to, sizeof b->to)) && b->sealed < BOX_MAX)
		return b;
	if (key.n != sizeof b->to || bw_hex_decode(key, to, sizeof to) != BW_OK)
		return NULL;
	b = bw_alloc(sizeof *b);
	memcpy(b->to, key.p, sizeof b->to);
	if (bw_box_to(to, b->sender, &b->box) != BW_OK) {
		bw_free(b);
		return NULL;
	}
	log_box_free(e->log_box);
	return e->log_box = b;
}

void log_append(struct stats *s, struct log_file *f, const char *prefix, struct bw_str line)
{
	char name[BW_EDGE_LOG_NAME_MAX + 1];
	struct log_box *b = box_of(s->edge);
	size_t begin;

	if (!b || !log_name(s, prefix, name) || !log_open(s, f, name))
		return;
	begin = f->waiting.n;
	b->sealed++;
	bw_edge_log_put(b->box, b->sender, f->lines++, bw_str_c(name), line, &f->waiting);
	if (f->waiting.failed) { /* too long: lost */
		f->waiting.n = begin;
		f->waiting.failed = false;
	}
	if (f->waiting.n >= BATCH_BYTES)
		lines_write(f);
	else
		lines_await(s->edge, f);
}
