#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "bin/place.h"
#include "bin/seal.h"
#include "core/edge_log.h"
#include "store/store.h"

/* The edge's logs, opened: it seals them to a key that it does not have. */

enum {
	FILE_MAX = 1 << 30, /* read as a whole: who has more rotates */
	LINE_ARENA = 4 * BW_EDGE_LOG_LINE_MAX,
	SENDERS_MAX = 256, /* each holds locked memory; one is had anew when it is needed again */
};

static const struct option logs_options[] = {OPTION_DATA, OPTION_ROOT_KEY};

/* A process of the edge, as far as this log goes. */
struct sender {
	struct bw_box *box;
	bool heard; /* a line of it was opened */
	uint64_t next;
};

struct opening {
	const char *path;
	unsigned char secret[BW_BOX_KEY];
	struct bw_map senders; /* public key -> struct sender */
	struct bw_arena arena; /* of one line */
	struct bw_str name;    /* of the first record: all are of one log */
	uint64_t lines, damaged, missing, foreign;
};

static void sender_free(void *value)
{
	struct sender *s = value;

	bw_box_free(s->box);
	bw_free(s);
}

static struct sender *sender_of(struct opening *o, const struct bw_edge_log_record *r)
{
	struct sender *s = bw_map_get(&o->senders, r->sender);

	if (s)
		return s;
	s = bw_alloc(sizeof *s);
	if (bw_box_from(o->secret, (const unsigned char *)r->sender.p, &s->box) != BW_OK) {
		bw_free(s);
		return NULL;
	}
	bw_map_put(&o->senders, r->sender, s);
	return s;
}

/* Names and lines are the edge's words: if it was taken over, none of them is an order to a terminal. */
static void text_show(struct bw_str text)
{
	for (size_t i = 0; i < text.n; i++)
		putchar(text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?');
	putchar('\n');
}

/* What stands out of its order was moved or repeated, and is shown no more than what was changed. */
static void record_show(struct opening *o, const struct bw_edge_log_record *r)
{
	struct sender *s = sender_of(o, r);
	struct bw_str line;

	bw_arena_reset(&o->arena);
	if (!s || bw_box_open(s->box, r->head, r->sealed, &o->arena, &line) != BW_OK) {
		o->damaged++;
		return;
	}
	if (!bw_str_set(o->name))
		o->name = r->name;
	/* Only what was authentic says where its lines begin. */
	if (!s->heard)
		s->next = r->number;
	s->heard = true;
	if (!bw_str_eq(o->name, r->name) || r->number < s->next) {
		o->foreign++;
		return;
	}
	o->missing += r->number - s->next;
	s->next = r->number + 1;
	o->lines++;
	text_show(bw_str_sub(line, 0, line.n - (line.n && line.p[line.n - 1] == '\n')));
}

static int faults_say(const struct opening *o)
{
	const struct {
		uint64_t count;
		const char *what;
	} faults[] = {{o->damaged, "damaged or sealed to another key"}, {o->missing, "missing in between"},
	    {o->foreign, "out of another place"}};
	int status = 0;

	fflush(stdout);
	for (size_t i = 0; i < BW_COUNT(faults); i++)
		if (faults[i].count) {
			fprintf(stderr, "bulwark: %s: %llu lines %s\n", o->path,
			    (unsigned long long)faults[i].count, faults[i].what);
			status = 1;
		}
	return status;
}

static int file_show(const char *path, const unsigned char secret[BW_BOX_KEY])
{
	struct opening o = {.path = path};
	struct bw_edge_log_record r;
	struct bw_arena whole;
	struct bw_str bytes;
	int status = 1;

	bw_arena_init(&whole, (size_t)FILE_MAX + (1 << 20));
	bw_arena_init(&o.arena, LINE_ARENA);
	bw_map_init(&o.senders, SENDERS_MAX, sender_free);
	memcpy(o.secret, secret, sizeof o.secret);
	if (file_read_of_stranger(path, FILE_MAX, &whole, &bytes) != BW_OK) {
		fprintf(stderr, "bulwark: cannot read %s\n", path);
	} else {
		for (enum bw_err e; (e = bw_edge_log_next(&bytes, &r)) != BW_ENOTFOUND;)
			if (e == BW_OK)
				record_show(&o, &r);
			else
				o.damaged++;
		status = faults_say(&o);
	}
	bw_map_free(&o.senders);
	bw_wipe(o.secret, sizeof o.secret);
	bw_arena_free(&o.arena);
	bw_arena_free(&whole);
	return status;
}

static int names_show(struct place *place)
{
	struct bw_str folder = bw_arena_printf(&place->arena, "%.*s/edge-logs", BW_FMT(place->data));
	DIR *d = opendir(folder.p);
	struct dirent *f;

	if (!d) {
		fprintf(stderr, "bulwark: cannot read %s\n", folder.p);
		return 1;
	}
	while ((f = readdir(d)) != NULL)
		if (f->d_name[0] != '.')
			text_show(bw_str_c(f->d_name));
	closedir(d);
	return 0;
}

static int logs_run(const struct parsed *p)
{
	static struct place place;
	unsigned char secret[BW_BOX_KEY];
	struct bw_store *store;
	int status = 0;

	if (!place_find(p, false, &place))
		return 1;
	if (!p->rest_count)
		return names_show(&place);
	if (!seal_store_look(&place, &store))
		return 1;
	bw_edge_log_secret(store, secret);
	bw_store_close(store);
	for (int i = 0; i < p->rest_count; i++) {
		const char *path = p->rest[i];

		if (!strchr(path, '/'))
			path = bw_arena_printf(&place.arena, "%.*s/edge-logs/%s", BW_FMT(place.data), path).p;
		status |= file_show(path, secret);
	}
	bw_wipe(secret, sizeof secret);
	return status;
}

const struct command command_logs = {.name = "logs",
    .arguments = "[FILE ...]",
    .summary = "read the load balancers' logs",
    .about = "Opens access, connection and health check logs, which the edge seals. Without FILE it lists "
             "those in the data folder; a FILE\n"
             "without a slash is one of them. Lines that were changed, moved or taken out are counted; exit "
             "status 1 then.\n\nExamples:\n"
             "  bulwark logs\n  bulwark logs app.site.50dc6c495c0c9188.log | tail\n  bulwark logs "
             "/var/log/old/app.site.50dc6c495c0c9188.log.1",
    .options = logs_options,
    .option_count = BW_COUNT(logs_options),
    .run = logs_run};
