/* DNS messages (RFC 1035, 4; EDNS: RFC 6891): what an authoritative responder for addresses reads and writes.
 * One question a query, no compression in it, nothing behind it but one OPT record. */
#pragma once

#include "base/buf.h"

enum {
	BW_DNS_HEADER = 12,
	BW_DNS_NAME_MAX = 253,    /* characters of a name in text */
	BW_DNS_MESSAGE_MAX = 512, /* what we answer fits into the size that every client takes */
};

enum bw_dns_code {
	BW_DNS_NOERROR = 0,
	BW_DNS_FORMERR = 1,
	BW_DNS_SERVFAIL = 2,
	BW_DNS_NXDOMAIN = 3,
	BW_DNS_NOTIMP = 4,
	BW_DNS_REFUSED = 5,
	BW_DNS_BADVERS = 16,
};

enum bw_dns_type { BW_DNS_A = 1, BW_DNS_SOA = 6, BW_DNS_AAAA = 28, BW_DNS_OPT = 41, BW_DNS_ANY = 255 };
enum { BW_DNS_IN = 1 };

struct bw_dns_query {
	uint16_t id, type, class;
	uint8_t opcode;
	bool recursion_desired, edns;
	struct bw_str name; /* lower case, labels joined by dots, none at the end; empty: the root */
	struct bw_str
	    question; /* its bytes, borrowed from the message; absent when there is none to repeat */
	enum bw_dns_code refuse; /* when parsing answered BW_EINVAL: what to tell the client */
};

/* BW_EINVAL: a query that is answered with q->refuse. BW_ECORRUPT: nothing to be answered, because it is
 * shorter than a header or itself an answer. A label with a dot or a byte that is no printable ASCII is a
 * FORMERR: none of ours has one. */
BW_CHECKED enum bw_err bw_dns_query_parse(
    struct bw_str message, struct bw_arena *arena, struct bw_dns_query *q);

struct bw_dns_answer {
	enum bw_dns_code code;
	bool authoritative;
	uint32_t ttl_s;
	const unsigned char (*a)[4]; /* addresses for A */
	size_t a_count;
	const unsigned char (*aaaa)[16];
	size_t aaaa_count;
	struct bw_str zone; /* set: its SOA goes along, as the answer to a question for it, or as the
	                       authority of a negative answer */
	uint32_t serial;
};
/* Appends the message. What does not fit into BW_DNS_MESSAGE_MAX is left out. */
void bw_dns_answer_put(const struct bw_dns_query *q, const struct bw_dns_answer *answer, struct bw_buf *out);
