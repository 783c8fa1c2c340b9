#include "codec/uuid.h"

#include "base/sys.h"
#include "codec/hex.h"

static void text_of(const unsigned char random[16], char to[BW_UUID_TEXT])
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6};
	unsigned char bytes[16], *from = bytes;

	memcpy(bytes, random, sizeof bytes);
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < BW_COUNT(groups); i++) {
		if (i)
			*to++ = '-';
		bw_hex_encode(from, groups[i], to);
		from += groups[i];
		to += 2 * groups[i];
	}
}

void bw_uuid_put(const unsigned char random[16], struct bw_buf *out)
{
	char text[BW_UUID_TEXT];

	text_of(random, text);
	bw_buf_put(out, bw_str_make(text, sizeof text));
}

struct bw_str bw_uuid_new(struct bw_arena *arena)
{
	unsigned char random[16];
	char text[BW_UUID_TEXT];

	bw_random(random, sizeof random);
	text_of(random, text);
	return bw_arena_str(arena, bw_str_make(text, sizeof text));
}
