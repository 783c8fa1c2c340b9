/* A decoder whose fields are gathered as lines. */
#pragma once

#include "test.h"

#include "base/buf.h"
#include "net/hpack.h"

enum { ROOM_BYTES = 16 * 1024 };

struct heard {
	struct bw_hpack_decoder decoder;
	struct bw_hpack_sink sink;
	struct bw_buf lines; /* "name: value\n"; a field that is `never` has '!' before it */
	size_t count, count_max;
	char room[ROOM_BYTES];
};

void heard_init(struct heard *h);
void heard_free(struct heard *h);
bool heard_decode(struct heard *h, struct bw_str block);
/* The bytes of a text of hexadecimal digits, in which blanks mean nothing. Good until the next. */
struct bw_str unhex(const char *digits);
