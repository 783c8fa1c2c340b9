/* Messages between processes: a plain struct by a table of its members, behind eight bytes that number it. Integers are
 * little-endian, a text has its length in front (4 bytes), UINT32_MAX meaning absent. A message has exactly one spelling: nothing
 * is left out, and nothing stands behind it. */
#pragma once

#include "base/buf.h"

struct bw_message_member {
	uint16_t offset;
	uint8_t width; /* of the member; 0: a struct bw_str */
	uint8_t bytes; /* of it in the message; of a text 1: it may be absent, 0: then it is empty */
	uint64_t max;  /* a greater number is none */
};

struct bw_message_form {
	const struct bw_message_member *members;
	size_t count;
};

/* Members are 1, 4 or 8 bytes wide and never negative. */
#define BW_MESSAGE_NUMBER(type, member, bytes, max)                                                          \
	{                                                                                                    \
		offsetof(type, member), sizeof(((type *)NULL)->member), (bytes), (max)                       \
	}
#define BW_MESSAGE_TEXT(type, member)                                                                        \
	{                                                                                                    \
		offsetof(type, member), 0, 0, 0                                                              \
	}
#define BW_MESSAGE_TEXT_OR_NONE(type, member)                                                                \
	{                                                                                                    \
		offsetof(type, member), 0, 1, 0                                                              \
	}
#define BW_MESSAGE_FORM(table)                                                                               \
	{                                                                                                    \
		(table), BW_COUNT(table)                                                                     \
	}

/* Appends; a full buffer is told by out->failed. */
void bw_message_put(const struct bw_message_form *f, uint64_t id, const void *from, struct bw_buf *out);
/* What the table names of `to`; slices point into `bytes`. BW_EINVAL: not such a message. */
BW_CHECKED enum bw_err bw_message_take(
    const struct bw_message_form *f, struct bw_str bytes, uint64_t *id, void *to);
