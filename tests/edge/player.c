/* Plays the part of the services for tests of the edge alone: each line of stdin is an image as JSON, which
 * it publishes, or "report", which it answers with the edge's newest report as JSON. The processes are the
 * program's own. Arguments: a folder for logs (or -), a file with authorities that the helper trusts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "codec/json.h"
#include "core/edge_form.h"
#include "crypto/crypto.h"
#include "edge/edge.h"

static void struct_read(
    struct bw_arena *a, const struct bw_json_value *v, const struct bw_edge_form *f, char *to);

static struct bw_str text_read(struct bw_arena *a, const struct bw_json_value *v)
{
	return v->kind == BW_JSON_STRING ? bw_arena_str(a, v->text) : BW_STR_NONE;
}

static void member_read(
    struct bw_arena *a, const struct bw_json_value *v, const struct bw_edge_member *m, char *to)
{
	void *at = to + m->offset;
	struct bw_strs strs = {v->count, BW_NEW_ARRAY(a, struct bw_str, v->count + 1)};
	struct bw_pairs pairs = {v->count, BW_NEW_ARRAY(a, struct bw_pair, v->count + 1)};
	char *items;

	switch (m->kind) {
	case BW_EDGE_STR:
		*(struct bw_str *)at = text_read(a, v);
		break;
	case BW_EDGE_I64:
		MUST(bw_str_to_i64(v->text, INT64_MIN, INT64_MAX, at) == BW_OK);
		break;
	case BW_EDGE_BOOL:
		*(bool *)at = v->kind == BW_JSON_TRUE;
		break;
	case BW_EDGE_STRS:
		for (size_t i = 0; i < v->count; i++)
			strs.v[i] = text_read(a, &v->values[i]);
		*(struct bw_strs *)at = strs;
		break;
	case BW_EDGE_PAIRS: /* an object, or a list of two-element lists */
		for (size_t i = 0; i < v->count; i++)
			pairs.v[i] =
			    v->kind == BW_JSON_OBJECT
			        ? (struct bw_pair){bw_arena_str(a, v->keys[i]), text_read(a, &v->values[i])}
			        : (struct bw_pair){text_read(a, &v->values[i].values[0]),
			              text_read(a, &v->values[i].values[1])};
		*(struct bw_pairs *)at = pairs;
		break;
	case BW_EDGE_LIST:
		items = bw_arena_alloc_array(a, m->of->size, v->count + 1);
		for (size_t i = 0; i < v->count; i++)
			struct_read(a, &v->values[i], m->of, items + i * m->of->size);
		*(char **)at = items;
		*(size_t *)(to + m->count_offset) = v->count;
		break;
	}
}

static void struct_read(
    struct bw_arena *a, const struct bw_json_value *v, const struct bw_edge_form *f, char *to)
{
	for (size_t i = 0; i < f->member_count; i++) {
		const struct bw_json_value *found = bw_json_member(v, bw_str_c(f->members[i].name));

		if (found)
			member_read(a, found, &f->members[i], to);
	}
}

static void struct_write(struct bw_buf *out, const struct bw_edge_form *f, const char *from)
{
	for (size_t i = 0; i < f->member_count; i++) {
		const struct bw_edge_member *m = &f->members[i];
		const void *at = from + m->offset;

		bw_buf_printf(out, "%s\"%s\":", i ? "," : "{", m->name);
		if (m->kind == BW_EDGE_STR && bw_str_set(*(const struct bw_str *)at))
			bw_json_put_str(out, *(const struct bw_str *)at);
		else if (m->kind == BW_EDGE_I64)
			bw_buf_put_i64(out, *(const int64_t *)at);
		else if (m->kind == BW_EDGE_BOOL)
			bw_buf_put(out, *(const bool *)at ? BW_STR("true") : BW_STR("false"));
		else if (m->kind == BW_EDGE_LIST) {
			for (size_t k = 0; k < *(const size_t *)(from + m->count_offset); k++) {
				bw_buf_put_c(out, k ? ',' : '[');
				struct_write(out, m->of, *(const char *const *)at + k * m->of->size);
			}
			bw_buf_put(
			    out, *(const size_t *)(from + m->count_offset) ? BW_STR("]") : BW_STR("[]"));
		} else
			bw_buf_put(out, BW_STR("null"));
	}
	bw_buf_put_c(out, '}');
}

static void report_tell(struct bw_edge *edge)
{
	struct bw_edge_report report;
	struct bw_arena a;
	struct bw_buf out;

	bw_arena_init(&a, 64 << 20);
	bw_buf_init(&out, 64 << 20);
	if (bw_edge_report_read(&edge->reports, &a, &report) == BW_OK)
		struct_write(&out, &bw_edge_report_form, (const char *)&report);
	else
		bw_buf_put(&out, BW_STR("null"));
	printf("%.*s\n", BW_FMT(bw_buf_str(&out)));
	fflush(stdout);
	bw_buf_free(&out);
	bw_arena_free(&a);
}

static void image_play(struct bw_edge *edge, struct bw_str line)
{
	struct bw_json_value v;
	struct bw_edge_image image = {0};
	struct bw_arena a;

	bw_arena_init(&a, 256 << 20);
	if (bw_json_parse(line, &a, &v) != BW_OK) {
		printf("not JSON\n");
	} else {
		struct_read(&a, &v, &bw_edge_image_form, (char *)&image);
		printf("%s\n", bw_err_name(bw_edge_publish(edge->images, &image)));
	}
	fflush(stdout);
	bw_arena_free(&a);
}

static int play(const struct bw_proc_self *self)
{
	struct bw_edge *edge = self->ctx;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (bw_board_write_side(edge->images) != BW_OK)
		return 1;
	for (size_t i = 0; i < edge->reports.n; i++)
		if (bw_board_read_side(edge->reports.v[i].board) != BW_OK)
			return 1;
	if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
		return 1;
	while ((n = getline(&line, &size, stdin)) > 0) {
		struct bw_str s = bw_str_make(line, (size_t)n - (line[n - 1] == '\n'));

		if (bw_str_eq(s, BW_STR("report")))
			report_tell(edge);
		else
			image_play(edge, s);
	}
	free(line);
	pause();
	return 0;
}

static struct bw_str file_of(const char *path)
{
	static char bytes[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;

	MUST(n >= 0);
	close(fd);
	return bw_str_make(bytes, (size_t)n);
}

/* Arguments: how many loops, a folder for access logs ("-": none), and a file of authorities. */
int main(int argc, char **argv)
{
	static struct bw_edge edge;
	static struct bw_helper helper;
	struct bw_proc_row rows[BW_PROC_ROWS_MAX] = {
	    {.title = "helper",
	        .run = bw_helper_run,
	        .ctx = &helper,
	        .may_send = 1u << BW_PROC_READY,
	        .outlives = true},
	    {.title = "player", .run = play, .ctx = &edge, .may_send = 1u << BW_PROC_READY}};
	struct bw_cidr loopback;
	int64_t loops = 1;

	bw_crypto_init();
	MUST(argc < 2 || bw_str_to_i64(bw_str_c(argv[1]), 1, BW_EDGE_LOOPS_MAX, &loops) == BW_OK);
	if (bw_cidr_parse(BW_STR("127.0.0.0/8"), &loopback) != BW_OK ||
	    bw_edge_make((unsigned)loops, &loopback, &edge) != BW_OK || bw_errand_channels_make("helper", edge.reports.n, &helper.channels) != BW_OK)
		return 1;
	edge.helper = &helper;
	if (argc > 3)
		helper.ca_pem = file_of(argv[3]);
	if (argc > 2 && strcmp(argv[2], "-") != 0)
		edge.log_dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bw_edge_rows(&edge, NULL, bw_edge_run, rows + 2);
	return bw_proc_run(rows, 2 + edge.loops, 15000, NULL);
}
