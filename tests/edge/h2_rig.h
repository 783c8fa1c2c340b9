/* A session of HTTP/2 without a socket: frames go in as text, and what it says and calls comes out as text.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/lend.h"
#include "edge/h2_pump.h"
#include "test.h"

struct rig_strand {
	struct h2_strand strand;
	struct rig_strand *next;
	struct bw_str body; /* what it still has to say */
	bool ends, begun, open;
	size_t heard; /* bytes of DATA */
};

struct rig {
	struct edge *edge;
	struct h2_pump pump;
	struct rig_strand *strands; /* all that there were */
	char log[1 << 16];
	size_t n;
	bool keeps; /* DATA is not used up */
	bool heads; /* HEAD is asked */
};

/* The session's first words are not in the log. `greeted`: the peer's preface and SETTINGS have come. */
void rig_open(struct rig *r, bool server, bool greeted);
void rig_close(struct rig *r);
/* Frames: "TYPE FLAGS STREAM PAYLOAD", each in hexadecimal, parted by '|'; a payload is bytes, "N*BB" repeats
 * one. */
void rig_feed(struct rig *r, const char *frames);
void rig_feed_bytes(struct rig *r, const void *bytes, size_t n);
/* A block of fields "name: value\n" none of which is in a table, as HEADERS of the stream. */
void rig_feed_fields(struct rig *r, uint32_t stream, const char *fields, bool ends);
/* What was called and said since the last look, each behind a blank: "head1 GET /" "data1 5" "end1"
 * "trailers1 1" "closed1 0" "pong"; "SETTINGS n" "ACK" "PONG" "HEADERS1 n" "CONT1 n" "DATA1 n" "RST1 e"
 * "GOAWAY l e" "UP1 n", the last of a message with a '.'. */
const char *rig_said(struct rig *r);
/* Client: begins a request. */
struct rig_strand *rig_ask(struct rig *r);
struct rig_strand *rig_strand(struct rig *r, uint32_t id);
/* Server: an answer's head; `ends`: that is all. */
void rig_answer(struct rig *r, uint32_t id, bool ends);
