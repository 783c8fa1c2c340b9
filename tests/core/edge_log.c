#include "test.h"

#include "core/edge_log.h"

struct log {
	unsigned char secret[BW_BOX_KEY], sender[BW_BOX_KEY];
	struct bw_box *to, *from;
	struct bw_arena arena;
	struct bw_buf bytes;
};

static void log_make(struct log *l)
{
	unsigned char public[BW_BOX_KEY];

	bw_crypto_init();
	*l = (struct log){.secret = {1}};
	bw_box_public(l->secret, public);
	assert_ok(bw_box_to(public, l->sender, &l->to));
	assert_ok(bw_box_from(l->secret, l->sender, &l->from));
	bw_arena_init(&l->arena, 1 << 20);
	bw_buf_init(&l->bytes, 1 << 20);
}

static void log_free(struct log *l)
{
	bw_box_free(l->to);
	bw_box_free(l->from);
	bw_arena_free(&l->arena);
	bw_buf_free(&l->bytes);
}

static void put(struct log *l, uint64_t number, const char *line)
{
	bw_edge_log_put(l->to, l->sender, number, BW_STR("app.x.1.log"), bw_str_c(line), &l->bytes);
	assert_false(l->bytes.failed);
}

TEST(edge_log_records_come_back_in_their_order)
{
	static const char *const lines[] = {"one\n", "", "BWL1 stands in a line\n"};
	struct bw_edge_log_record r;
	struct bw_str rest, line;
	struct log l;

	log_make(&l);
	for (uint64_t i = 0; i < BW_COUNT(lines); i++)
		put(&l, (UINT64_C(1) << 40) + i, lines[i]);
	rest = bw_buf_str(&l.bytes);
	for (uint64_t i = 0; i < BW_COUNT(lines); i++) {
		assert_ok(bw_edge_log_next(&rest, &r));
		assert_str(r.name, "app.x.1.log");
		assert_int_equal(r.number, (UINT64_C(1) << 40) + i);
		assert_ok(bw_box_open(l.from, r.head, r.sealed, &l.arena, &line));
		assert_str(line, lines[i]);
	}
	assert_int_equal(bw_edge_log_next(&rest, &r), BW_ENOTFOUND);
	log_free(&l);
}

/* Whatever byte is another: the record is none, or does not open; the one behind it is found again. */
TEST(edge_log_damage_costs_one_record)
{
	struct bw_edge_log_record r;
	struct bw_str line;
	struct log l;
	size_t first;

	log_make(&l);
	put(&l, 0, "first");
	first = l.bytes.n;
	put(&l, 1, "second");
	for (size_t i = 0; i < first; i++) {
		struct bw_str rest = bw_buf_str(&l.bytes);
		int opened = 0;

		l.bytes.p[i] ^= 0x11;
		for (enum bw_err e; (e = bw_edge_log_next(&rest, &r)) != BW_ENOTFOUND;)
			if (e == BW_OK && bw_box_open(l.from, r.head, r.sealed, &l.arena, &line) == BW_OK) {
				assert_str(line, "second");
				opened++;
			}
		l.bytes.p[i] ^= 0x11;
		/* A greater length takes the next record along; the files of a whole one more is all that is
		 * lost. */
		assert_true(opened == 1 || (i >= 4 && i < 8));
	}
	log_free(&l);
}

TEST(edge_log_cut_anywhere_is_no_record)
{
	struct bw_edge_log_record r;
	struct log l;

	log_make(&l);
	put(&l, 0, "line");
	for (size_t n = 1; n < l.bytes.n; n++) {
		struct bw_str rest = bw_str_make(l.bytes.p, n);

		assert_int_equal(bw_edge_log_next(&rest, &r), BW_ECORRUPT);
		assert_int_equal(bw_edge_log_next(&rest, &r), BW_ENOTFOUND);
	}
	log_free(&l);
}

/* At the limits, and one above. */
TEST(edge_log_names_and_lines_have_a_limit)
{
	static char name[BW_EDGE_LOG_NAME_MAX + 1], line[BW_EDGE_LOG_LINE_MAX + 1];
	struct bw_edge_log_record r;
	struct bw_str rest, opened;
	struct log l;

	log_make(&l);
	memset(name, 'n', sizeof name);
	memset(line, 'l', sizeof line);
	bw_edge_log_put(l.to, l.sender, 0, bw_str_make(name, sizeof name - 1),
	    bw_str_make(line, sizeof line - 1), &l.bytes);
	assert_false(l.bytes.failed);
	rest = bw_buf_str(&l.bytes);
	assert_ok(bw_edge_log_next(&rest, &r));
	assert_ok(bw_box_open(l.from, r.head, r.sealed, &l.arena, &opened));
	assert_int_equal(opened.n, BW_EDGE_LOG_LINE_MAX);
	bw_buf_reset(&l.bytes);
	bw_edge_log_put(l.to, l.sender, 0, bw_str_make(name, sizeof name), BW_STR("x"), &l.bytes);
	assert_true(l.bytes.failed);
	bw_buf_free(&l.bytes);
	bw_buf_init(&l.bytes, 1 << 20);
	bw_edge_log_put(l.to, l.sender, 0, BW_STR("x"), bw_str_make(line, sizeof line), &l.bytes);
	assert_true(l.bytes.failed);
	log_free(&l);
}
