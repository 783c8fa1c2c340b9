/* What authentication pays a request: finding the signature, and verifying it with a kept signing key or a
 * new one. */
#include <stdio.h>

#include "aws/sigv4.h"
#include "base/sys.h"

enum { TURNS = 200000 };

#define DATE "20261123T100000Z"

static struct bw_http_request request;
static struct bw_sigv4_cache cache;
static struct bw_arena arena;
static struct bw_sigv4 sig;
static struct bw_str body = BW_STR("Action=GetCallerIdentity&Version=2011-06-15&Pad=12");

static void run_parse(void)
{
	struct bw_sigv4_fault fault;

	MUST(bw_sigv4_parse(&request, &arena, &sig, &fault) == BW_OK);
}

static void verify(struct bw_sigv4_cache *kept)
{
	struct bw_sigv4_fault fault;

	MUST(bw_sigv4_verify(&sig, &request, body, BW_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
	         sig.time_ms, false, kept, &arena, &fault) == BW_OK);
}

static void run_verify_kept(void)
{
	verify(&cache);
}

static void run_verify_new(void)
{
	verify(NULL);
}

static void run_both(void)
{
	run_parse();
	verify(&cache);
}

static const struct {
	const char *name;
	void (*run)(void);
} rows[] = {
    {"parse", run_parse},
    {"verify, kept key", run_verify_kept},
    {"verify, new key", run_verify_new},
    {"parse and verify, kept key", run_both},
};

/* A POST as the AWS CLI sends it. */
static void request_make(struct bw_arena *keep)
{
	static const struct bw_http_header sent[] = {
	    {BW_STR("content-type"), BW_STR("application/x-www-form-urlencoded; charset=utf-8")},
	    {BW_STR("host"), BW_STR("localhost:9911")},
	    {BW_STR("x-amz-date"), BW_STR(DATE)},
	};

	request = (struct bw_http_request){.method = BW_STR("POST"), .path = BW_STR("/")};
	memcpy(request.headers, sent, sizeof sent);
	request.headers[3] =
	    (struct bw_http_header){BW_STR("User-Agent"), BW_STR("aws-cli/2.15 md/Botocore#2.4.5")};
	request.headers[4] = (struct bw_http_header){BW_STR("Accept-Encoding"), BW_STR("identity")};
	request.headers[5] = (struct bw_http_header){BW_STR("Content-Length"), BW_STR("50")};
	request.headers[6] = (struct bw_http_header){BW_STR("Authorization"),
	    bw_sigv4_sign(BW_STR("AKIDBULWARKEXAMPLE01"), BW_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
	        request.method, request.path, BW_STR_NONE, sent, BW_COUNT(sent), body, BW_STR(DATE),
	        BW_STR("us-east-1"), BW_STR("sts"), keep)};
	request.header_count = 7;
}

int main(void)
{
	struct bw_arena keep;

	bw_arena_init(&keep, 1 << 20);
	bw_arena_init(&arena, 1 << 20);
	bw_sigv4_cache_init(&cache, 100);
	request_make(&keep);
	run_both();
	printf("%-28s %8s\n", "", "ns");
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		double best = 1e9;

		for (int round = 0; round < 7; round++) {
			int64_t begin = bw_clock_mono_us();

			for (int turn = 0; turn < TURNS; turn++) {
				rows[i].run();
				bw_arena_reset(&arena);
			}
			if ((double)(bw_clock_mono_us() - begin) * 1000 / TURNS < best)
				best = (double)(bw_clock_mono_us() - begin) * 1000 / TURNS;
		}
		printf("%-28s %8.0f\n", rows[i].name, best);
	}
	bw_sigv4_cache_free(&cache);
	bw_arena_free(&keep);
	bw_arena_free(&arena);
	return 0;
}
