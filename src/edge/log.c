/* The files of load balancers' logs, in the folder that the parent has opened. Each stays open, and is looked
 * for anew once a second: who rotates it moves it away. Lines are lost rather than waited for. */
#include "edge/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { LOOK_MS = 1000 };

void log_put_quoted(struct bw_str s, struct bw_buf *out)
{
	bw_buf_put_c(out, '"');
	if (!s.n)
		bw_buf_put_c(out, '-');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\' || c < ' ' || c >= 0x7f)
			bw_buf_printf(out, "\\x%02X", c);
		else
			bw_buf_put_c(out, (char)c);
	}
	bw_buf_put_c(out, '"');
}

/* Of a keyed hash, so that an idle connection need not keep it, and nobody learns how many there were. */
void log_put_connection(const struct edge *e, uint64_t serial, struct bw_buf *out)
{
	uint64_t id[2];

	bw_sip128(&e->connection_key, bw_str_make(&serial, sizeof serial), id);
	bw_buf_put(out, BW_STR("TID_"));
	bw_buf_put_hex(out, id, sizeof id);
}

void log_close(struct log_file *f)
{
	if (f->open)
		close(f->fd);
	f->open = false;
}

/* "app.name.id.log" behind the prefix. */
static bool log_open(struct stats *s, struct log_file *f, const char *prefix)
{
	int64_t now = bw_loop_now_ms(s->edge->loop);
	char name[256];
	int n;

	if (f->open && now - f->opened_ms < LOOK_MS)
		return true;
	log_close(f);
	n = snprintf(name, sizeof name, "%s%.*s.log", prefix, BW_FMT(s->dimension));
	if (n <= 0 || n >= (int)sizeof name)
		return false;
	for (int i = 0; i < n; i++)
		if (name[i] == '/')
			name[i] = '.';
	if (name[0] == '.')
		return false;
	f->fd = openat(s->edge->shared->log_dir, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	f->open = f->fd >= 0;
	f->opened_ms = now;
	return f->open;
}

void log_append(struct stats *s, struct log_file *f, const char *prefix, struct bw_str line)
{
	if (log_open(s, f, prefix))
		(void)!write(f->fd, line.p, line.n);
}
