/* Whatever is parsed is answered with one well-formed message that repeats the question and never grows past
 * the ceiling. */
#include "codec/dns.h"

static const unsigned char v4[40][4], v6[40][16];

static void answer_check(
    const struct bw_dns_query *q, const struct bw_dns_answer *answer, struct bw_arena *arena)
{
	struct bw_dns_query again;
	struct bw_buf out;
	char *bytes;

	bw_buf_init(&out, 4096);
	bw_dns_answer_put(q, answer, &out);
	MUST(!out.failed && out.n >= BW_DNS_HEADER && out.n <= BW_DNS_MESSAGE_MAX);
	MUST(bw_dns_query_parse(bw_buf_str(&out), arena, &again) == BW_ECORRUPT);
	/* Without the records and the mark of an answer it is the question again. */
	bytes = out.p;
	bytes[2] = bytes[3] = bytes[6] = bytes[7] = bytes[8] = bytes[9] = bytes[10] = bytes[11] = 0;
	if (bw_str_set(q->question)) {
		MUST(bw_dns_query_parse(bw_str_make(out.p, BW_DNS_HEADER + q->question.n), arena, &again) ==
		     BW_OK);
		MUST(bw_str_eq(again.name, q->name) && again.type == q->type && again.id == q->id);
	}
	bw_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_dns_query q;
	struct bw_arena arena;
	enum bw_err e;

	bw_arena_init(&arena, 1 << 20);
	e = bw_dns_query_parse(bw_str_make(size ? (const char *)data : "", size), &arena, &q);
	if (e != BW_ECORRUPT) {
		struct bw_dns_answer refused = {.code = e == BW_OK ? BW_DNS_REFUSED : q.refuse};
		struct bw_dns_answer full = {
		    .authoritative = true, .a = v4, .a_count = size % 41, .aaaa = v6, .aaaa_count = size % 7};
		struct bw_dns_answer none = {.code = BW_DNS_NXDOMAIN,
		    .authoritative = true,
		    .zone = BW_STR("us-east-1.elb.amazonaws.com")};

		MUST(q.name.n <= BW_DNS_NAME_MAX);
		answer_check(&q, &refused, &arena);
		answer_check(&q, &full, &arena);
		answer_check(&q, &none, &arena);
	}
	bw_arena_free(&arena);
	return 0;
}
