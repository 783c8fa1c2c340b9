/* What header blocks cost us and nghttp2: those of one connection's requests and answers, which differ as a
 * browser's and an application's do, read and made in turns. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/sys.h"
#include "net/hpack.h"

enum { ROUNDS = 31, MESSAGES = 400, FIELDS = 16, BLOCK_MAX = 4096, LIST_MAX = 16 * 1024 };

#define FIELD(name, value)                                                                                   \
	{                                                                                                    \
		{name, sizeof name - 1}, {value, sizeof value - 1}, false                                    \
	}

/* A value of "#" is a number of its own in each message. */
static const struct bw_hpack_field request[] = {FIELD(":method", "GET"), FIELD(":scheme", "https"),
    FIELD(":authority", "shop.example.com"), FIELD(":path", "#"),
    FIELD("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                        "Chrome/126.0.0.0 Safari/537.36"),
    FIELD("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    FIELD("accept-encoding", "gzip, deflate, br"), FIELD("accept-language", "en-GB,en;q=0.5"),
    FIELD("cookie", "session=4f1c0e6b7a2d4c5e9f8a7b6c5d4e3f2a"), FIELD("sec-fetch-mode", "navigate"),
    FIELD("x-amzn-trace-id", "#")};
static const struct bw_hpack_field answer[] = {FIELD(":status", "200"),
    FIELD("date", "Mon, 30 Nov 2026 05:00:00 GMT"), FIELD("content-type", "application/json; charset=utf-8"),
    FIELD("content-length", "#"), FIELD("cache-control", "private, max-age=0"),
    FIELD("server", "application"), FIELD("strict-transport-security", "max-age=31536000"),
    FIELD("x-request-id", "#"), FIELD("vary", "accept-encoding")};

struct kind {
	const char *name;
	const struct bw_hpack_field *fields;
	size_t count;
	bool same; /* each message is as the one before it */
};

static const struct kind kinds[] = {{"requests", request, BW_COUNT(request), false},
    {"requests, alike", request, BW_COUNT(request), true}, {"answers", answer, BW_COUNT(answer), false},
    {"answers, alike", answer, BW_COUNT(answer), true}};

static struct bw_hpack_field fields[MESSAGES][FIELDS];
static nghttp2_nv values[MESSAGES][FIELDS];
static char blocks[MESSAGES][BLOCK_MAX];
static size_t block_bytes[MESSAGES];

static void messages_make(const struct kind *k)
{
	static char numbers[MESSAGES][FIELDS][40];

	for (size_t m = 0; m < MESSAGES; m++)
		for (size_t i = 0; i < k->count; i++) {
			struct bw_hpack_field *f = &fields[m][i];

			*f = k->fields[i];
			if (bw_str_eq(f->value, BW_STR("#"))) {
				size_t n = (size_t)snprintf(numbers[m][i], sizeof numbers[m][i], "/%08zx-%zu",
				    k->same ? 7 : m * 2654435761u & 0xffffffff, i);

				f->value = bw_str_make(numbers[m][i], n);
			}
			values[m][i] = (nghttp2_nv){(uint8_t *)(uintptr_t)f->name.p,
			    (uint8_t *)(uintptr_t)f->value.p, f->name.n, f->value.n, NGHTTP2_NV_FLAG_NONE};
		}
}

/* ---- the four ---- */

static size_t made_ours(const struct kind *k)
{
	static struct bw_hpack_encoder e;
	size_t bytes = 0;

	bw_hpack_encoder_init(&e);
	for (size_t m = 0; m < MESSAGES; m++) {
		block_bytes[m] = bw_hpack_encode(&e, fields[m], k->count, blocks[m], BLOCK_MAX);
		MUST(block_bytes[m]);
		bytes += block_bytes[m];
	}
	return bytes;
}

static size_t made_theirs(const struct kind *k)
{
	nghttp2_hd_deflater *d;
	size_t bytes = 0;

	MUST(nghttp2_hd_deflate_new(&d, BW_HPACK_TABLE_BYTES) == 0);
	for (size_t m = 0; m < MESSAGES; m++) {
		ssize_t n = nghttp2_hd_deflate_hd(d, (uint8_t *)blocks[m], BLOCK_MAX, values[m], k->count);

		MUST(n > 0);
		block_bytes[m] = (size_t)n;
		bytes += block_bytes[m];
	}
	nghttp2_hd_deflate_del(d);
	return bytes;
}

static bool on_field(void *ctx, const struct bw_hpack_field *f)
{
	*(size_t *)ctx += f->name.n + f->value.n;
	return true;
}

static size_t read_ours(const struct kind *k)
{
	static struct bw_hpack_decoder d;
	static char room[LIST_MAX];
	size_t bytes = 0;
	struct bw_hpack_sink sink = {.field = on_field, .ctx = &bytes, .room = room, .list_max = LIST_MAX};

	(void)k;
	bw_hpack_decoder_init(&d);
	for (size_t m = 0; m < MESSAGES; m++)
		MUST(bw_hpack_decode(&d, bw_str_make(blocks[m], block_bytes[m]), &sink));
	return bytes;
}

static size_t message_read_theirs(nghttp2_hd_inflater *d, struct bw_str block)
{
	size_t bytes = 0;

	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(d, &nv, &flags, (const uint8_t *)block.p, block.n, 1);

		MUST(n >= 0);
		block = bw_str_sub(block, (size_t)n, block.n);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			bytes += nv.namelen + nv.valuelen;
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
	}
	MUST(nghttp2_hd_inflate_end_headers(d) == 0);
	return bytes;
}

static size_t read_theirs(const struct kind *k)
{
	nghttp2_hd_inflater *d;
	size_t bytes = 0;

	(void)k;
	MUST(nghttp2_hd_inflate_new(&d) == 0);
	for (size_t m = 0; m < MESSAGES; m++)
		bytes += message_read_theirs(d, bw_str_make(blocks[m], block_bytes[m]));
	nghttp2_hd_inflate_del(d);
	return bytes;
}

/* ---- the table ---- */

typedef size_t run_fn(const struct kind *k);

static const struct {
	const char *name;
	run_fn *ours, *theirs;
} runs[] = {{"make", made_ours, made_theirs}, {"read", read_ours, read_theirs}};

static double round_ns(run_fn *run, const struct kind *k)
{
	int64_t began = bw_clock_mono_us();

	for (int i = 0; i < 5; i++)
		(void)run(k);
	return (double)(bw_clock_mono_us() - began) * 1000 / (5 * MESSAGES);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void compare(const struct kind *k, size_t run)
{
	double ours[ROUNDS], theirs[ROUNDS];
	size_t bytes = made_ours(k), their_bytes = made_theirs(k);

	for (int round = 0; round < ROUNDS; round++) {
		ours[round] = round_ns(runs[run].ours, k);
		theirs[round] = round_ns(runs[run].theirs, k);
	}
	qsort(ours, ROUNDS, sizeof ours[0], by_value);
	qsort(theirs, ROUNDS, sizeof theirs[0], by_value);
	printf("%-5s %-18s %9.0f %9.0f %7.2f %9zu %9zu\n", runs[run].name, k->name, ours[ROUNDS / 2],
	    theirs[ROUNDS / 2], theirs[ROUNDS / 2] / ours[ROUNDS / 2], bytes / MESSAGES,
	    their_bytes / MESSAGES);
}

/* With "KIND RUN ours|theirs", that alone is run: for who counts instructions. */
int main(int argc, char **argv)
{
	if (argc == 4) {
		const struct kind *k = &kinds[(argv[1][0] - '0') % BW_COUNT(kinds)];
		size_t run = argv[2][0] == '1';

		messages_make(k);
		(void)made_theirs(k);
		for (int i = 0; i < 100; i++)
			(void)(argv[3][0] == 'o' ? runs[run].ours : runs[run].theirs)(k);
		return 0;
	}
	printf("a block of one connection; both read what nghttp2 made; median of %d rounds\n", ROUNDS);
	printf("%-5s %-18s %9s %9s %7s %9s %9s\n", "", "", "ours ns", "nghttp2", "ratio", "bytes", "nghttp2");
	for (size_t run = 0; run < BW_COUNT(runs); run++)
		for (size_t i = 0; i < BW_COUNT(kinds); i++) {
			messages_make(&kinds[i]);
			compare(&kinds[i], run);
		}
	return 0;
}
