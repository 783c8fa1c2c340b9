#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/dns_tcp.h"
#include "bin/options.h"
#include "bin/place.h"
#include "bin/program.h"
#include "bin/seal.h"
#include "codec/cidr.h"
#include "codec/dns.h"
#include "core/edge_name.h"
#include "net/socket.h"
#include "proc/proc.h"
#include "store/store.h"

/* Load balancers' names, answered from the store of the server on this machine: a change is seen at once. */

enum { TTL_S = 60, ARENA_MAX = 1 << 20 }; /* AWS's records live as long */

static const struct option dns_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"listen", OPTION_VALUE, "ADDR:PORT", "where to answer, on loopback (default: 127.0.0.1:5353)"},
};

/* The address behind a name; AWS's names answer with this prefix, too. BW_ENOTFOUND: there is none. */
static enum bw_err name_find(
    struct bw_store *store, struct bw_str name, struct bw_arena *a, struct bw_cidr *address)
{
	static const struct bw_str prefix = {"dualstack.", 10};
	struct bw_snapshot *view;
	struct bw_str text;
	enum bw_err e;

	name = bw_arena_lower(a, name);
	if (bw_str_starts(name, prefix))
		name = bw_str_sub(name, prefix.n, name.n);
	TRY(bw_snapshot_begin(store, &view));
	e = bw_snapshot_get(view, bw_edge_name_key(a, name), a, &text, NULL);
	bw_snapshot_end(view);
	TRY(e);
	return bw_cidr_address(text, address) == BW_OK ? BW_OK : BW_ECORRUPT;
}

static void answer_fill(struct bw_store *store, const struct bw_dns_query *q, struct bw_arena *a,
    struct bw_cidr *address, struct bw_dns_answer *out)
{
	struct bw_str zone = bw_edge_name_zone(q->name);
	bool apex = bw_str_set(zone) && bw_str_eq(zone, q->name);
	enum bw_err e = BW_OK;

	*out = (struct bw_dns_answer){.code = BW_DNS_REFUSED, .ttl_s = TTL_S};
	if (!bw_str_set(zone) || q->class != BW_DNS_IN)
		return;
	out->code = BW_DNS_NOERROR;
	out->authoritative = true;
	out->serial = (uint32_t)bw_store_seq(store);
	if (!apex)
		e = name_find(store, q->name, a, address);
	if (e == BW_ENOTFOUND)
		out->code = BW_DNS_NXDOMAIN;
	else if (e != BW_OK)
		*out = (struct bw_dns_answer){.code = BW_DNS_SERVFAIL};
	else if (!apex && !address->v6 && (q->type == BW_DNS_A || q->type == BW_DNS_ANY)) {
		out->a = (const unsigned char(*)[4])address->bytes;
		out->a_count = 1;
	} else if (!apex && address->v6 && (q->type == BW_DNS_AAAA || q->type == BW_DNS_ANY)) {
		out->aaaa = (const unsigned char(*)[16])address->bytes;
		out->aaaa_count = 1;
	}
	/* What has no records of the type says so by its zone's SOA. */
	if (out->code != BW_DNS_SERVFAIL && !out->a_count && !out->aaaa_count)
		out->zone = zone;
}

/* BW_ECORRUPT: nothing is to be said. */
static enum bw_err reply_make(
    struct bw_store *store, struct bw_str message, struct bw_arena *a, struct bw_buf *out)
{
	struct bw_dns_query q;
	struct bw_dns_answer answer;
	struct bw_cidr address = {0};
	enum bw_err e = bw_dns_query_parse(message, a, &q);

	if (e == BW_ECORRUPT)
		return e;
	if (e == BW_OK)
		answer_fill(store, &q, a, &address, &answer);
	else
		answer = (struct bw_dns_answer){.code = q.refuse};
	bw_dns_answer_put(&q, &answer, out);
	return out->failed ? BW_ETOOBIG : BW_OK;
}

static void answer_one(int fd, struct bw_store *store)
{
	char message[4096];
	struct bw_address from = {.bytes = sizeof from.v6};
	ssize_t n = recvfrom(fd, message, sizeof message, MSG_TRUNC | MSG_DONTWAIT, &from.any, &from.bytes);
	struct bw_arena a;
	struct bw_buf out;

	if (n < 0 || (size_t)n > sizeof message)
		return;
	bw_arena_init(&a, ARENA_MAX);
	bw_buf_init(&out, BW_DNS_MESSAGE_MAX);
	if (reply_make(store, bw_str_make(message, (size_t)n), &a, &out) == BW_OK)
		(void)sendto(fd, out.p, out.n, MSG_DONTWAIT, &from.any, from.bytes);
	bw_buf_free(&out);
	bw_arena_free(&a);
}

static enum bw_err reply_tcp(void *ctx, struct bw_str message, struct bw_buf *out)
{
	struct bw_arena a;
	enum bw_err e;

	bw_arena_init(&a, ARENA_MAX);
	e = reply_make(ctx, message, &a, out);
	bw_arena_free(&a);
	return e;
}

/* The port must be free for both. */
static bool sockets_bind(const struct bw_address *at, int *udp, int *tcp)
{
	int on = 1;

	*udp = socket(at->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	*tcp = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *udp >= 0 && *tcp >= 0 && bind(*udp, &at->any, at->bytes) == 0 &&
	       setsockopt(*tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(*tcp, &at->any, at->bytes) == 0 &&
	       listen(*tcp, 64) == 0;
}

static int sockets_open(const struct parsed *p, int *udp, int *tcp)
{
	const char *spec = option_get(p, "listen") ? option_get(p, "listen") : "127.0.0.1:5353";
	struct bw_address at;

	if (bw_address_parse(bw_str_c(spec), &at) != BW_OK)
		return command_refuse(p, "--listen %s is not ADDRESS:PORT or [ADDRESS]:PORT", spec);
	if (!bw_address_loopback(&at))
		return command_refuse(p, "names are answered on loopback alone, not on %s", spec);
	if (!sockets_bind(&at, udp, tcp)) {
		fprintf(stderr, "bulwark: cannot answer on %s (%s)\n", spec, listen_advice(errno));
		return 1;
	}
	return 0;
}

static int dns_run(const struct parsed *p)
{
	static struct place place;
	struct bw_store *store;
	struct dns_tcp *streams;
	int udp = -1, tcp = -1, refused;

	if (p->rest_count)
		return command_refuse(p, "'%s' is not an option", p->rest[0]);
	if ((refused = sockets_open(p, &udp, &tcp)))
		return refused;
	if (!place_find(p, false, &place))
		return 1;
	if (!seal_store_look(&place, &store))
		return 1;
	printf("answering the names of load balancers\n");
	fflush(stdout);
	if (bw_sandbox_enter() != BW_OK)
		return 1;
	streams = dns_tcp_new(tcp, reply_tcp, store);
	for (;;)
		if (dns_tcp_wait(streams, udp))
			answer_one(udp, store);
}

const struct command command_dns = {.name = "dns",
    .arguments = "",
    .summary = "answer the DNS names of load balancers",
    .about = "Answers the DNSName of every load balancer with the address that it listens on, from the store "
             "of the server on this\n"
             "machine. An authoritative responder on loopback, over UDP and TCP: A, AAAA and SOA; other names are "
             "refused.\n\nExample:\n"
             "  bulwark dns --data ./data &\n  dig @127.0.0.1 -p 5353 "
             "my-lb-1234567890.us-east-1.elb.amazonaws.com",
    .options = dns_options,
    .option_count = BW_COUNT(dns_options),
    .run = dns_run};
