/* Two sessions of HTTP/2 that are told the same: ours (h2_ours.c) and nghttp2's (h2_theirs.c), as servers or as clients. What each hears, says
 * and holds is gathered in the same form, and compared by h2_agree.c. */
#pragma once

#include "edge/h2_pump.h"

enum { STREAMS_MAX = 64, FIELDS_SAID = 4 };

/* A stream as one of them sees it. */
struct seen {
	uint32_t id;
	uint64_t head, trailers, body; /* hashes: fields in their order, bytes */
	size_t head_count, trailer_count, body_bytes;
	uint32_t status;                                  /* of an answer */
	bool headed, ended, trailed;
	bool odd; /* its host, path or status is one that the other side may refuse: h2_request.c looks at hosts, nghttp2's
	             application at paths */
	uint64_t updated, data_said;                      /* WINDOW_UPDATE and DATA that it said */
	bool said_end, reset;                             /* reset: RST_STREAM was said */
	uint32_t reset_error;
};

struct side {
	struct seen v[STREAMS_MAX];
	size_t n;
	bool failed, done;   /* failed: nothing is read any more; done: nor is it needed, for all has ended behind a GOAWAY */
	uint32_t error;      /* said by GOAWAY */
	uint64_t updated, data_said; /* of the connection */
	size_t acks, pongs;
};

/* The one of that id; made when it is not there; NULL: there are too many. */
struct seen *seen_of(struct side *side, uint32_t id);
void seen_field(uint64_t *hash, size_t *count, struct bw_str name, struct bw_str value);
/* Whether all of it may stand in a path, or in a host. */
bool octets_fit(struct bw_str s, bool host);
/* Frames that a side has said. */
void side_says(struct side *side, struct bw_str bytes);

/* What a session holds of a stream, and of the connection (id 0). */
struct state {
	bool there, heard_end, said_end, in_block;
	int64_t window_out, unreturned; /* what it may send; what came and was not given back */
};

struct pair_ops {
	void (*open)(bool server);
	void (*close)(void);
	/* One whole frame, and what follows. */
	void (*read)(struct bw_str frame);
	/* Server: an answer of a stream that is there, with so many bytes of a body; client: a request. */
	void (*answer)(uint32_t id, size_t body);
	void (*ask)(size_t body, bool head_only);
	void (*reset)(uint32_t id, uint32_t error);
	struct state (*state)(uint32_t id);
};
extern const struct pair_ops ours_ops, theirs_ops;
extern struct side ours, theirs;

/* Both are open, and nothing has come yet. */
void pair_begin(bool server);
/* Whether there is nothing to compare any more: a connection has ended, or they are apart where they may be. */
bool pair_over(void);
/* One whole frame for both. Aborts when they differ where they may not, with all that happened. */
void pair_read(struct bw_str frame);
void pair_agree(void);
/* For that story. */
void BW_PRINTF(1, 2) pair_tell(const char *format, ...);
