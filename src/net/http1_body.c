/* Chunked bodies (RFC 9112 7.1), strict: no space around a size, every line ends in CR LF. Trailer lines are read as strictly, and
 * dropped (7.1.2): what stands in them came too late to say anything of the message. */
#include "net/http.h"
#include "net/http1_scan.h"

enum {
	SIZE_FIRST, /* a chunk's line begins: one digit at least */
	SIZE,
	EXTENSION_FIRST, /* ";name" or ";name=token", of which nothing is kept */
	EXTENSION,
	VALUE_FIRST,
	VALUE,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	END_CR, /* after the last chunk, and each trailer line: the empty line, or another one */
	END_LF,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	DONE,
};

enum {
	EXTENSION_MAX = 256,
	TRAILERS_MAX = 8 * 1024, /* all lines of a body: some signatures and checksums */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum bw_err feed_size(struct bw_http_chunked *c, char byte)
{
	int digit = hex_digit(byte);

	if (digit >= 0) {
		/* A size is written without leading zeros, so its digits are bounded by its value. */
		CHECK(c->state == SIZE_FIRST || c->left > 0, BW_EINVAL);
		CHECK(c->left <= UINT64_MAX >> 4, BW_EINVAL);
		c->left = c->left << 4 | (uint64_t)digit;
		c->state = SIZE;
		return BW_EAGAIN;
	}
	CHECK(c->state == SIZE && (byte == '\r' || byte == ';'), BW_EINVAL);
	c->state = byte == ';' ? EXTENSION_FIRST : SIZE_LF;
	c->extension_bytes = 0;
	return BW_EAGAIN;
}

/* No blanks and no quoted values: nobody needs them, and servers have read them differently. */
static enum bw_err feed_extension(struct bw_http_chunked *c, char byte)
{
	bool begun = c->state == EXTENSION || c->state == VALUE;

	CHECK(byte == '\r' || ++c->extension_bytes <= EXTENSION_MAX, BW_EINVAL);
	if (byte_class[(unsigned char)byte] & IN_TOKEN)
		c->state = c->state <= EXTENSION ? EXTENSION : VALUE;
	else if (begun && byte == '\r')
		c->state = SIZE_LF;
	else if (begun && byte == ';')
		c->state = EXTENSION_FIRST;
	else if (c->state == EXTENSION && byte == '=')
		c->state = VALUE_FIRST;
	else
		return BW_EINVAL;
	return BW_EAGAIN;
}

/* A line "name: value", up to its CR. */
static enum bw_err feed_trailer(struct bw_http_chunked *c, char byte)
{
	uint8_t class = byte_class[(unsigned char)byte];

	CHECK(++c->extension_bytes <= TRAILERS_MAX, BW_EINVAL);
	if (c->state != TRAILER_VALUE && class & IN_TOKEN)
		c->state = TRAILER_NAME;
	else if (c->state == TRAILER_NAME && byte == ':')
		c->state = TRAILER_VALUE;
	else if (c->state == TRAILER_VALUE && byte == '\r')
		c->state = TRAILER_LF;
	else
		CHECK(c->state == TRAILER_VALUE && class & IN_VALUE, BW_EINVAL);
	return BW_EAGAIN;
}

/* One fixed byte, and the state after it. */
static enum bw_err feed_fixed(struct bw_http_chunked *c, char byte, const struct bw_buf *out)
{
	static const struct {
		char byte;
		uint8_t next;
	} rows[] = {[SIZE_LF] = {'\n', DATA},
	    [DATA_CR] = {'\r', DATA_LF},
	    [DATA_LF] = {'\n', SIZE_FIRST},
	    [END_CR] = {'\r', END_LF},
	    [END_LF] = {'\n', DONE},
	    [TRAILER_LF] = {'\n', END_CR}};

	CHECK(byte == rows[c->state].byte, BW_EINVAL);
	if (c->state == SIZE_LF) {
		/* Judged by what is announced, so that the answer does not hang on how much of it has come.
		 */
		CHECK(c->left <= out->max - out->n, BW_ETOOBIG);
		c->state = c->left ? DATA : END_CR;
		c->extension_bytes = 0;
		return BW_EAGAIN;
	}
	c->state = rows[c->state].next;
	return c->state == DONE ? BW_OK : BW_EAGAIN;
}

static enum bw_err feed_byte(struct bw_http_chunked *c, char byte, const struct bw_buf *out)
{
	if (c->state <= SIZE)
		return feed_size(c, byte);
	if (c->state <= VALUE)
		return feed_extension(c, byte);
	if (c->state == TRAILER_NAME || c->state == TRAILER_VALUE || (c->state == END_CR && byte != '\r'))
		return feed_trailer(c, byte);
	CHECK(c->state < DONE, BW_EINVAL);
	return feed_fixed(c, byte, out);
}

static size_t feed_data(struct bw_http_chunked *c, struct bw_str bytes, struct bw_buf *out)
{
	size_t n = bytes.n < c->left ? bytes.n : (size_t)c->left;

	bw_buf_put(out, bw_str_sub(bytes, 0, n));
	c->left -= n;
	if (c->left == 0)
		c->state = DATA_CR;
	return n;
}

enum bw_err bw_http_chunked_feed(
    struct bw_http_chunked *c, struct bw_str bytes, size_t *used, struct bw_buf *out)
{
	enum bw_err e = BW_EAGAIN;
	size_t at = 0;

	while (e == BW_EAGAIN && at < bytes.n) {
		if (c->state == DATA)
			at += feed_data(c, bw_str_sub(bytes, at, bytes.n), out);
		else
			e = feed_byte(c, bytes.p[at++], out);
	}
	*used = at;
	return out->failed ? BW_ETOOBIG : e;
}
