/* Against llhttp, node's parser, in its strict form: a request that ours takes, llhttp takes as well, and reads
 * the same in it: method, target, version, every header, the framing, and the body out of its chunks. (llhttp
 * takes more than ours; only what both could pass on is what a request could be smuggled in.) */
#include <llhttp.h>

#include "base/buf.h"
#include "net/http.h"

enum { FIELDS_MAX = 1024, BODY_MAX = 64 * 1024 };

/* What llhttp says, put together from its pieces. */
struct told {
	struct bw_buf url, names, values, body; /* headers: each ends in LF, which is in none */
	int method, major, minor;
	bool head, whole, chunked, has_length;
	uint64_t length;
};

static struct bw_http_request request;

static struct told *told_of(llhttp_t *p)
{
	return p->data;
}

#define PIECE(name, buf)                                                                                     \
	static int name(llhttp_t *p, const char *at, size_t n)                                               \
	{                                                                                                    \
		bw_buf_put(&told_of(p)->buf, bw_str_make(at, n));                                            \
		return 0;                                                                                    \
	}
#define ENDS(name, buf)                                                                                      \
	static int name(llhttp_t *p)                                                                         \
	{                                                                                                    \
		bw_buf_put_c(&told_of(p)->buf, '\n');                                                        \
		return 0;                                                                                    \
	}
PIECE(on_url, url)
PIECE(on_name, names)
PIECE(on_value, values)
PIECE(on_body, body)
ENDS(on_name_end, names)
ENDS(on_value_end, values)

static int on_head(llhttp_t *p)
{
	struct told *t = told_of(p);

	t->head = true;
	t->method = p->method;
	t->major = p->http_major;
	t->minor = p->http_minor;
	t->chunked = (p->flags & F_CHUNKED) != 0;
	t->has_length = (p->flags & F_CONTENT_LENGTH) != 0;
	t->length = p->content_length;
	return 0;
}

static int on_whole(llhttp_t *p)
{
	told_of(p)->whole = true;
	return HPE_PAUSED; /* one message is enough */
}

static const llhttp_settings_t settings = {.on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_field_complete = on_name_end,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_whole};

static void told_init(struct told *t)
{
	*t = (struct told){0};
	bw_buf_init(&t->url, 1 << 20);
	bw_buf_init(&t->names, 1 << 20);
	bw_buf_init(&t->values, 1 << 20);
	bw_buf_init(&t->body, 1 << 20);
}

static void told_free(struct told *t)
{
	bw_buf_free(&t->url);
	bw_buf_free(&t->names);
	bw_buf_free(&t->values);
	bw_buf_free(&t->body);
}

/* llhttp leaves blanks at a value's end. */
static struct bw_str trimmed(struct bw_str s)
{
	return bw_str_trim(s);
}

static void headers_must_agree(const struct told *t)
{
	struct bw_str names = bw_buf_str(&t->names), values = bw_buf_str(&t->values);

	for (size_t i = 0; i < request.header_count; i++) {
		MUST(bw_str_eq(bw_str_cut(&names, '\n'), request.headers[i].name));
		MUST(bw_str_eq(trimmed(bw_str_cut(&values, '\n')), request.headers[i].value));
	}
	MUST(!names.n && !values.n);
}

static void heads_must_agree(const struct told *t)
{
	MUST(t->head);
	MUST(bw_str_eq(bw_str_c(llhttp_method_name((llhttp_method_t)t->method)), request.method));
	MUST(bw_str_eq(bw_buf_str(&t->url), request.target));
	MUST(t->major == 1 && t->minor == request.minor_version);
	MUST(t->chunked == request.chunked);
	MUST(t->has_length == (request.content_length >= 0));
	MUST(!t->has_length || t->length == (uint64_t)request.content_length);
	headers_must_agree(t);
}

/* Ours of the bytes behind the head. False: it has not ended well, and there is nothing to compare. */
static bool body_ours(struct bw_str rest, struct bw_buf *out)
{
	struct bw_http_chunked c = {0};
	size_t used;

	if (request.chunked)
		return bw_http_chunked_feed(&c, rest, &used, out) == BW_OK;
	if (request.content_length > (int64_t)rest.n)
		return false;
	bw_buf_put(out, bw_str_sub(rest, 0, request.content_length > 0 ? (size_t)request.content_length : 0));
	return !out->failed;
}

/* What llhttp does not look at as a plain HTTP/1.1 request: methods of its own list only, with a protocol of
 * their own, or none that it knows; and a switch of protocols, behind which it reads nothing. */
static bool out_of_scope(enum llhttp_errno e, const llhttp_t *p, struct bw_str head)
{
	/* It does not know a tab as the blank that it is behind "chunked" and behind a length (RFC 9110 5.6.3). */
	if ((e == HPE_INVALID_TRANSFER_ENCODING || e == HPE_INVALID_CONTENT_LENGTH) && bw_str_find(head, '\t', 0) >= 0)
		return true;
	/* With this method a connection of HTTP/2 begins (RFC 9113 3.4): it expects no other version behind it. */
	if (bw_str_starts(head, BW_STR("PRI ")))
		return true;
	return e == HPE_INVALID_METHOD || e == HPE_PAUSED_UPGRADE || p->upgrade;
}

/* llhttp 8.1 takes no extension behind one that has a value ("1;a=b;c"), which RFC 9112 7.1.1 permits. */
static bool extensions_missed(enum llhttp_errno e, struct bw_str rest)
{
	ptrdiff_t value = bw_str_find(rest, '=', 0);

	return e == HPE_INVALID_CHUNK_SIZE && value >= 0 && bw_str_find(rest, ';', (size_t)value) >= 0;
}

/* A trailer that has the name of what frames a message says nothing to ours, which drops it; llhttp refuses or minds it. */
static bool trailers_minded(enum llhttp_errno e, const llhttp_t *p)
{
	return e == HPE_UNEXPECTED_CONTENT_LENGTH || e == HPE_INVALID_CONTENT_LENGTH || e == HPE_INVALID_TRANSFER_ENCODING ||
	       e == HPE_PAUSED_UPGRADE || p->upgrade;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes = bw_str_make(data, size);
	struct bw_buf body;
	struct told t;
	llhttp_t p;
	enum llhttp_errno e;
	size_t head_n;
	int status;

	if (bw_http_parse_head(bytes, &request, &head_n, &status) != BW_OK)
		return 0;
	told_init(&t);
	bw_buf_init(&body, BODY_MAX);
	llhttp_init(&p, HTTP_REQUEST, &settings);
	p.data = &t;
	e = llhttp_execute(&p, bytes.p, head_n);
	if (!out_of_scope(e, &p, bw_str_sub(bytes, 0, head_n))) {
		MUST(e == HPE_OK || e == HPE_PAUSED);
		heads_must_agree(&t);
		if (body_ours(bw_str_sub(bytes, head_n, size), &body)) {
			if (e == HPE_OK && size > head_n)
				e = llhttp_execute(&p, bytes.p + head_n, size - head_n);
			if (!extensions_missed(e, bw_str_sub(bytes, head_n, size)) && !trailers_minded(e, &p)) {
				MUST(t.whole && e == HPE_PAUSED);
				MUST(bw_str_eq(bw_buf_str(&t.body), bw_buf_str(&body)));
			}
		}
	}
	bw_buf_free(&body);
	told_free(&t);
	return 0;
}
