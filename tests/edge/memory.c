/* What the edge holds is counted, sessions of HTTP/2 too; above the ceiling what is new is refused, and a
 * session's end gives everything back. */
#include <stdio.h>

#include "base/lend.h"
#include "base/sys.h"
#include "crypto/crypto.h"
#include "edge/h2.h"
#include "edge/tls.h"
#include "net/tls.h"
#include "test.h"

static struct edge e;
static struct listening gone = {.gone = true}; /* a listener that is no more: requests end at their heads */

/* With what is taken from the system whole and used by pieces. */
static size_t held(void)
{
	return memory_held(&e);
}

/* Without. */
static size_t in_use(void)
{
	return e.held_bytes + e.slab.used_bytes + e.h2_places.held_bytes;
}

static void edge_begin(void)
{
	if (!e.loop) {
		assert_ok(bw_loop_new(&e.loop));
		e.scratch = bw_alloc(SCRATCH_BYTES);
		h2_places_open(&e);
	}
	e.held_max = SIZE_MAX;
	assert_int_equal(in_use(), 0);
}

static void feed(struct h2 *h, const void *bytes, size_t n)
{
	h2_read(h->pump.session, bw_str_make(bytes, n));
	assert_false(h->pump.session->failed);
}

/* What it has said has gone. */
static void said(struct h2 *h)
{
	h2_write(h->pump.session);
	wire_free(&e, &h->pump.out);
}

#define FEED(h, literal) feed((h), (literal), sizeof(literal) - 1)

static void begin(struct h2 *h)
{
	edge_begin();
	*h = (struct h2){.pump.edge = &e, .listening = &gone};
	h2_session_open(h);
	FEED(h, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
	said(h);
}

static void end(struct h2 *h)
{
	while (h->streams)
		h2_stream_free(h->streams);
	wire_free(&e, &h->pump.out);
	pump_close(&h->pump);
	assert_int_equal(in_use(), 0);
}

/* A head of a listener that is no more: its stream is there until its end has been said. */
static bool stream_begins(struct h2 *h, size_t ceiling)
{
	bool any;

	begin(h);
	e.held_max = ceiling;
	FEED(h, "\0\0\3\1\5\0\0\0\1\x82\x87\x84");
	any = h->stream_count == 1;
	e.held_max = SIZE_MAX;
	end(h);
	return any;
}

/* A block that goes on in another frame, with so many bytes of memory left. */
static bool block_goes_on(size_t left)
{
	static const char more[] = "\0\0\1\x9\0\0\0\0\1\x87";
	struct h2 h;
	bool failed;

	begin(&h);
	FEED(&h, "\0\0\1\1\1\0\0\0\1\x82");
	e.held_max = held() + left - 1;
	h2_read(h.pump.session, bw_str_make(more, sizeof more - 1));
	failed = h.pump.session->failed;
	e.held_max = SIZE_MAX;
	end(&h);
	return !failed;
}

TEST(memory_for_heads_in_several_frames_is_refused_above_the_ceiling)
{
	assert_false(block_goes_on(0));
	assert_true(block_goes_on(1));
	assert_true(block_goes_on(2));
}

TEST(memory_is_full_above_the_ceiling_and_not_at_it)
{
	struct wire one = {0};

	edge_begin();
	assert_true(wire_put(&e, &one, BW_STR("a")));
	e.held_max = held();
	assert_false(memory_full(&e));
	e.held_max--;
	assert_true(memory_full(&e));
	e.held_max += 2;
	assert_false(memory_full(&e));
	wire_free(&e, &one);
}

/* A piece that is out keeps its sheet from going back; one more of the same sheet takes nothing more. */
TEST(memory_counts_whole_sheets)
{
	enum { PIECES = 1000, BYTES = 4096 }; /* more sheets than are kept in store */
	size_t before, most;
	void *pieces[PIECES];

	edge_begin();
	before = held();
	for (int i = 0; i < PIECES; i++)
		pieces[i] = bw_slab_take(&e.slab, BYTES);
	most = held();
	assert_true(most >= before + (size_t)PIECES * BYTES);
	e.held_max = most;
	assert_false(memory_full(&e));
	bw_slab_give(&e.slab, pieces[0]);
	pieces[0] = bw_slab_take(&e.slab, BYTES - 1);
	assert_int_equal(held(), most);
	e.held_max = most - 1;
	for (int i = 1; i < PIECES; i++) {
		if (i == PIECES / 2)
			assert_true(held() > most / 4);
		bw_slab_give(&e.slab, pieces[i]);
	}
	assert_false(memory_full(&e));
	assert_true(held() - before >= 60 * 1024); /* of one piece */
	bw_slab_give(&e.slab, pieces[0]);
}

TEST(memory_in_store_is_counted)
{
	struct wire one = {0};
	struct bw_arena a;
	size_t before;

	edge_begin();
	assert_true(wire_put(&e, &one, BW_STR("a")));
	before = held();
	wire_free(&e, &one); /* the block is kept for the next */
	assert_int_equal(held(), before);
	arena_take(&e, &a, SIZE_MAX);
	(void)bw_arena_alloc(&a, 1);
	before = held();
	arena_give(&e, &a);
	assert_true(held() >= before + 4096);
	arena_take(&e, &a, SIZE_MAX);
	assert_int_equal(held(), before);
	bw_arena_free(&a);
}

/* What is kept for a request that may be asked again: many wait for long. */
TEST(memory_of_what_is_kept_is_no_larger_than_it)
{
	static char bytes[4097];
	static const struct {
		size_t bytes, held;
	} cases[] = {{0, 0}, {1, 32}, {500, 512}, {4095, 4096}, {4096, 4096}, {4097, BLOCK_BYTES}};
	struct wire w = {0};

	edge_begin();
	memset(bytes, 'k', sizeof bytes);
	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct bw_str text = bw_str_make(bytes, cases[i].bytes);

		wire_keep(&e, &w, text);
		assert_int_equal(in_use(), cases[i].held);
		assert_true(bw_str_eq(wire_bytes(&w), text));
		assert_true(wire_put(&e, &w, BW_STR("more"))); /* a body that is remembered too */
		assert_int_equal(in_use(), BLOCK_BYTES);
		assert_int_equal(wire_length(&w), text.n + 4);
		assert_memory_equal(wire_bytes(&w).p, bytes, text.n);
		assert_memory_equal(wire_bytes(&w).p + text.n, "more", 4);
		wire_free(&e, &w);
		assert_int_equal(in_use(), 0);
		wire_keep(&e, &w, text);
		wire_eat(&e, &w, text.n);
		assert_int_equal(in_use(), 0);
	}
}

TEST(memory_of_a_session_counts_less_while_it_sleeps)
{
	size_t awake, asleep;
	struct h2 h;

	begin(&h);
	awake = in_use();
	assert_true(awake >= sizeof(struct h2_session) && awake < BLOCK_BYTES);
	pump_sleep(&h.pump);
	asleep = in_use();
	assert_true(asleep > 0 && asleep < awake / 8);
	pump_wake(&h.pump);
	assert_int_equal(in_use(), awake);
	FEED(&h, "\0\0\x8\6\0\0\0\0\0abcdefgh");
	said(&h);
	pump_sleep(&h.pump);
	end(&h);
}

TEST(memory_new_streams_are_refused_above_the_ceiling)
{
	struct h2 h;
	size_t session;

	assert_true(stream_begins(&h, SIZE_MAX)); /* the sheets are there from now on */
	begin(&h);
	session = held();
	end(&h);
	assert_false(stream_begins(&h, session - 1));
	assert_true(stream_begins(&h, session));
	assert_true(stream_begins(&h, session + 1));
}

/* Of a head that has not come whole, and of what is kept of one. */
TEST(memory_of_heads_is_counted_and_comes_back)
{
	static char part[9 + 16000] = "\0\x3e\x80\1\1\0\0\0\1";
	static struct bw_http_header trailer;
	static char value[30000];
	size_t before;
	struct h2 h;

	begin(&h);
	before = in_use();
	feed(&h, part, sizeof part);
	assert_true(in_use() >= before + 16000);
	end(&h);
	begin(&h);
	FEED(&h, "\0\0\3\1\5\0\0\0\1\x82\x87\x84");
	before = in_use();
	memset(value, 'a', sizeof value);
	trailer = (struct bw_http_header){BW_STR("x"), bw_str_make(value, sizeof value)};
	h2_request_trailers(h.streams, &(struct h2_message){.headers = &trailer, .count = 1});
	assert_true(in_use() >= before + sizeof value);
	end(&h);
}

/* Every head has fields that HPACK is to remember: its table has an end, and so has what a connection holds.
 */
TEST(memory_of_a_session_has_an_end)
{
	char frame[9 + 3 + 50 * 12 + 1] = {0, (3 + 50 * 12) >> 8, (char)((3 + 50 * 12) & 255), 1, 5}, *at;
	size_t most = 0;
	struct h2 h;

	begin(&h);
	for (int i = 1; i < 400; i += 2) {
		frame[7] = (char)(i >> 8);
		frame[8] = (char)i;
		memcpy(frame + 9, "\x82\x87\x84", 3);
		at = frame + 12;
		for (int k = 0; k < 50; k++, at += 12)
			assert_int_equal(
			    snprintf(at, 13, "\x40\4x%c%c%c\5%05d", 'a' + k % 26, 'a' + k / 26, 'a', i), 12);
		feed(&h, frame, sizeof frame - 1);
		said(&h);
		most = in_use() > most ? in_use() : most;
	}
	assert_int_equal(h.stream_count, 0);
	assert_true(most < 64 * 1024);
	end(&h);
}

static const char *const names[] = {"one.example", "two.example"};

/* Of a listener with a certificate for each name. */
static struct tls_set *set_make(struct bw_edge_certificate *certificates)
{
	struct bw_edge_listener listener = {.protocol = BW_STR("HTTPS"), .ssl_policy = BW_STR("ELBSecurityPolicy-TLS13-1-2-2021-06"),
	    .certificates = certificates, .certificate_count = BW_COUNT(names)};
	const char *reason = "";
	struct tls_set *s = tls_set_make(&e, &listener, true, &reason);

	if (!s)
		fail_msg("%s", reason);
	return s;
}

/* They are the image's: whoever has many, or a large trust store, takes nobody's connections from him. */
TEST(memory_of_certificates_is_no_connection_s)
{
	struct bw_edge_certificate certificates[BW_COUNT(names)];
	struct bw_buf ca, ca_key, chains[BW_COUNT(names)], keys[BW_COUNT(names)];
	size_t before, taken;

	edge_begin();
	bw_map_init(&e.tls_sets, 0, NULL);
	bw_crypto_init();
	bw_tls_dozing(16);
	bw_buf_init(&ca, 1 << 16);
	bw_buf_init(&ca_key, 1 << 16);
	assert_ok(bw_ca_make(BW_STR("ca"), bw_clock_wall_ms(), &ca, &ca_key));
	for (size_t i = 0; i < BW_COUNT(names); i++) {
		struct bw_str name = bw_str_c(names[i]);

		bw_buf_init(&chains[i], 1 << 16);
		bw_buf_init(&keys[i], 1 << 16);
		assert_ok(bw_ca_issue(bw_buf_str(&ca), bw_buf_str(&ca_key), &name, 1, bw_clock_wall_ms(), &chains[i], &keys[i]));
		certificates[i] = (struct bw_edge_certificate){
		    .arn = name, .chain_pem = bw_buf_str(&chains[i]), .key_pem = bw_buf_str(&keys[i]), .is_default = i == 0};
	}
	tls_set_release(set_make(certificates)); /* what OpenSSL keeps for the next one is there from now on */
	assert_int_equal(e.tls_sets_bytes, 0);
	before = held();
	taken = bw_tls_held_bytes();
	for (int round = 0; round < 2; round++) {
		struct tls_set *s = set_make(certificates), *same = set_make(certificates);

		assert_ptr_equal(s, same);
		assert_true(bw_tls_held_bytes() >= taken + 16 * 1024);
		assert_int_equal(held(), before);
		tls_set_release(same);
		assert_int_equal(held(), before);
		tls_set_release(s);
		assert_int_equal(e.tls_sets_bytes, 0);
		assert_int_equal(held(), before);
	}
	bw_map_free(&e.tls_sets);
	bw_buf_free(&ca);
	bw_buf_free(&ca_key);
	for (size_t i = 0; i < BW_COUNT(names); i++) {
		bw_buf_free(&chains[i]);
		bw_buf_free(&keys[i]);
	}
}
