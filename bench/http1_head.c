/* What the head of a signed call costs each twin of the parser: the median of many rounds, the twins taking
 * turns. */
#include <stdio.h>
#include <stdlib.h>

#include "base/sys.h"
#include "net/http1.h"

enum { ROUNDS = 61, PARSES = 20000, TWINS = BW_SCAN_AVX2 + 1 };

/* 953 bytes, as an SDK sends them. */
static const char head[] =
    "POST / HTTP/1.1\r\n"
    "Host: sts.us-east-1.amazonaws.com\r\n"
    "Accept-Encoding: identity\r\n"
    "User-Agent: aws-cli/2.17.20 md/awscrt#0.20.11 ua/2.0 os/linux#6.1.0-23-amd64 md/arch#x86_64 "
    "lang/python#3.11.9 "
    "md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#sts.assume-role "
    "app/deploy-pipeline-production-eu-central-1-blue0\r\n"
    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
    "X-Amz-Date: 20261124T001500Z\r\n"
    "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/us-east-1/sts/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, "
    "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n"
    "amz-sdk-invocation-id: 8f3f2c1e-6f0b-4c55-9d0e-3a6f5a1b7c2d\r\n"
    "amz-sdk-request: attempt=1; max=3; ttl=20261124T001600Z; padding=0000000000000\r\n"
    "Content-Length: 143\r\n"
    "Connection: Keep-Alive\r\n\r\n";
_Static_assert(sizeof head - 1 == 953, "the head that all measurements are of");

static double round_ns(enum bw_http_scan scan)
{
	static struct bw_http_request request;
	struct bw_str bytes = bw_str_make(head, sizeof head - 1);
	int64_t began = bw_clock_mono_us();

	for (int i = 0; i < PARSES; i++) {
		size_t head_n = 0;
		int status;

		MUST(bw_http_parse_head_by(scan, bytes, &request, &head_n, &status) == BW_OK);
		MUST(head_n == sizeof head - 1);
	}
	return (double)(bw_clock_mono_us() - began) * 1000 / PARSES;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static const char *const names[TWINS] = {"scalar", "SSE2", "AVX2"};
	static double ns[TWINS][ROUNDS];

	for (int round = 0; round < ROUNDS; round++)
		for (int scan = 0; scan < TWINS; scan++)
			if (bw_http_scan_available((enum bw_http_scan)scan))
				ns[scan][round] = round_ns((enum bw_http_scan)scan);
	printf("a head of %zu bytes, 11 lines; median of %d rounds\n", sizeof head - 1, ROUNDS);
	printf("%-8s %8s %8s %8s\n", "twin", "ns", "GB/s", "ratio");
	for (int scan = 0; scan < TWINS; scan++) {
		double median;

		qsort(ns[scan], ROUNDS, sizeof ns[scan][0], by_value);
		median = ns[scan][ROUNDS / 2];
		if (median > 0)
			printf("%-8s %8.1f %8.2f %8.2f\n", names[scan], median, (sizeof head - 1) / median,
			    ns[0][ROUNDS / 2] / median);
	}
	return 0;
}
