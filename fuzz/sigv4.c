/* Any request parses or is refused with a whole fault; verifying never trips; and what our signer signs,
 * verifies, whatever stands in path, query, header and body. */
#include "aws/sigv4.h"

static void as_sent(struct bw_str bytes, struct bw_arena *arena)
{
	struct bw_http_request r = {0};
	struct bw_sigv4_fault fault = {0};
	struct bw_sigv4 sig;
	size_t head_n;
	int status;

	if (bw_http_parse_head(bytes, &r, &head_n, &status) != BW_OK)
		return;
	if (bw_sigv4_parse(&r, arena, &sig, &fault) != BW_OK) {
		MUST(fault.code && fault.status >= 400 && fault.message[0]);
		return;
	}
	if (sig.form == BW_SIGV4_NONE)
		return;
	MUST(sig.key_id.n && sig.region.n && sig.service.n && sig.date.n == 8 && sig.timestamp.n == 16);
	MUST(bw_sigv4_verify(&sig, &r, bw_str_sub(bytes, head_n, bytes.n), BW_STR("secret"), sig.time_ms,
	         false, NULL, arena, &fault) != BW_OK ||
	     bw_str_has(bytes, BW_STR("Signature")));
}

static void as_signed(struct bw_str rest, struct bw_arena *arena)
{
	struct bw_http_request r = {.method = BW_STR("POST"), .header_count = 4};
	struct bw_http_header *h = r.headers;
	struct bw_sigv4_fault fault;
	struct bw_sigv4 sig;

	r.path = bw_str_cut(&rest, '\n');
	r.query = bw_str_cut(&rest, '\n');
	h[0] = (struct bw_http_header){BW_STR("host"), bw_str_trim(bw_str_cut(&rest, '\n'))};
	h[1] = (struct bw_http_header){BW_STR("x-amz-date"), BW_STR("20261123T100000Z")};
	h[2] = (struct bw_http_header){BW_STR("x-amz-meta"), bw_str_trim(bw_str_cut(&rest, '\n'))};
	h[3] = (struct bw_http_header){
	    BW_STR("authorization"), bw_sigv4_sign(BW_STR("K"), BW_STR("S"), r.method, r.path, r.query, h, 3,
	                                 rest, h[1].value, BW_STR("r"), BW_STR("s"), arena)};
	if (!bw_str_set(h[3].value) || bw_str_has(r.query, BW_STR("Algorithm")) ||
	    bw_str_has(r.query, BW_STR("%")))
		return;
	MUST(bw_sigv4_parse(&r, arena, &sig, &fault) == BW_OK);
	MUST(bw_sigv4_verify(&sig, &r, rest, BW_STR("S"), sig.time_ms, false, NULL, arena, &fault) == BW_OK);
	MUST(bw_sigv4_verify(&sig, &r, rest, BW_STR("T"), sig.time_ms, false, NULL, arena, &fault) ==
	     BW_EPERM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_arena arena;

	bw_arena_init(&arena, 64 << 20);
	as_sent(bw_str_make(data, size), &arena);
	as_signed(bw_str_make(data, size), &arena);
	bw_arena_free(&arena);
	return 0;
}
