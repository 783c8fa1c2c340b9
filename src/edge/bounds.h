/* What the edge may hold, and how long it waits. */
#pragma once

#include "net/http.h"

enum {
	BLOCK_BYTES = 16 * 1024, /* what a direction of a request in work may hold back */
	WIRE_MAX = BW_HTTP_HEAD_MAX * 2 + BLOCK_BYTES, /* the longest head, with what is added to it */
	ANSWER_HEAD_MAX = 32 * 1024, /* of a target, its lines and its status (ALB User Guide, "Quotas", HTTP headers) */
	ANSWER_LINES_MAX = BW_HTTP_HEADERS_MAX + 32, /* of an answer's head as it goes on: what a target may say, what ten attributes say, the
	                                                cookies of a session and its login (nine) and of stickiness (four) */
	ANSWER_INTERIMS = 32, /* 1xx in front of one answer: 100, some 103, and a 102 each 20 s (RFC 2518 10.1) for ten minutes. Nobody passes
	                         them on, so more only cost us */
	BLOCKS_POOLED = 256,
	ARENAS_POOLED = 256, /* of streams, that used no more than a block */
	SCRATCH_BYTES = BW_HTTP_HEAD_MAX + BLOCK_BYTES,
	CONNECTIONS_MAX = 100000, /* clients of all loops together; more are refused at accept */
	CONNECTIONS_PER_ADDRESS =
	    20000, /* of them from one IPv4 address or IPv6 /64: many users share one behind a NAT */
	HELD_MIB_MAX = 2048, /* of all that memory_held counts, of all loops: CONNECTIONS_MAX idle ones over HTTP/2 take half of it. Then what
	                        is new is refused */
	IDLE_UPSTREAMS = 256,                /* kept a target */
	CONNECT_MS = 10000,                  /* ALB's time to reach a target */
	HEAD_MS = 10000,                     /* a request's head, once begun, is whole by then */
	RATE_MS = 10000, /* in each such span a body or an answer moves on by RATE_BYTES */
	RATE_BYTES = 512,
	WIND_MS = 2000, /* what is on its way from a client that is to leave has come by then: a segment that was lost is sent again after a
	                   second (RFC 6298 2.1) */
	LINGER_MS = 2000,
	DISCARD_MAX = 64 * 1024, /* of a body that nobody wants, before the connection is closed instead */
	DROPPED_MAX = 1024 * 1024, /* of what comes over a connection that has ended */
	CHUNK_LINES = 16,        /* bytes around a chunk */
	DOZE_MS = 2000, /* without a byte: then what a connection is made of sleeps */
	ROUNDS = 32,             /* steps of one connection before the others have their turn */
};
